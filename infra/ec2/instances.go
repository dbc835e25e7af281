package ec2

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"

	"github.com/network-interface-releaser/network-interface-releaser/functions/release/eni"
)

// States tells the state of each of these instances that EC2 shows. It asks by
// filter, since one unknown id would fail a call by ids.
func (c Client) States(ctx context.Context, instances []string) (map[string]eni.State, error) {
	states := map[string]eni.State{}
	for _, filters := range batches("instance-id", instances) {
		pages := sdk.NewDescribeInstancesPaginator(c.api, &sdk.DescribeInstancesInput{
			Filters:                 filters,
			MaxResults:              aws.Int32(pageSize),
			IncludeManagedResources: aws.Bool(true),
		})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				return nil, err
			}
			for _, reservation := range page.Reservations {
				for _, instance := range reservation.Instances {
					state := eni.State("") // shown without a state: alive, to the rule
					if instance.State != nil {
						state = eni.State(instance.State.Name)
					}
					states[aws.ToString(instance.InstanceId)] = state
				}
			}
		}
	}
	return states, nil
}
