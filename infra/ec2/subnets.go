package ec2

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"

	"github.com/network-interface-releaser/network-interface-releaser/infra/awsconfig"
)

// FreeAddresses returns the number of free addresses of each of these subnets.
func (c Client) FreeAddresses(ctx context.Context, subnets []string) (map[string]int, error) {
	free := map[string]int{}
	for _, filters := range batches("subnet-id", subnets) {
		pages := awsconfig.Pages(ctx, sdk.NewDescribeSubnetsPaginator(c.api, &sdk.DescribeSubnetsInput{
			Filters:    filters,
			MaxResults: aws.Int32(pageSize),
		}))
		for page, err := range pages {
			if err != nil {
				return nil, err
			}
			if page.Subnets == nil {
				return nil, missing("a list of subnets")
			}
			for _, subnet := range page.Subnets {
				if aws.ToString(subnet.SubnetId) == "" || subnet.AvailableIpAddressCount == nil {
					return nil, missing("the ID or the free addresses of a subnet")
				}
				free[*subnet.SubnetId] = int(*subnet.AvailableIpAddressCount)
			}
		}
	}
	return free, nil
}
