package ec2

import (
	"context"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/network-interface-releaser/network-interface-releaser/functions/release/eni"
	"github.com/network-interface-releaser/network-interface-releaser/infra/awsconfig"
)

// Visible returns those of these instances that EC2 shows: by filter, since one unknown ID would fail a
// call by IDs. Half an answer is an error: an instance that it lacks would look like one that is gone.
func (c Client) Visible(ctx context.Context, instances []string) (map[string]eni.Instance, error) {
	visible := map[string]eni.Instance{}
	for _, filters := range batches("instance-id", instances) {
		pages := awsconfig.Pages(ctx, sdk.NewDescribeInstancesPaginator(c.api, &sdk.DescribeInstancesInput{
			Filters:                 filters,
			MaxResults:              aws.Int32(pageSize),
			IncludeManagedResources: aws.Bool(true),
		}))
		for page, err := range pages {
			if err != nil {
				return nil, err
			}
			if page.Reservations == nil {
				return nil, missing("a list of instances")
			}
			for _, reservation := range page.Reservations {
				if len(reservation.Instances) == 0 {
					return nil, missing("the instances of a reservation")
				}
				for _, instance := range reservation.Instances {
					if aws.ToString(instance.InstanceId) == "" {
						return nil, missing("the ID of an instance")
					}
					visible[aws.ToString(instance.InstanceId)] = toInstance(instance)
				}
			}
		}
	}
	return visible, nil
}

// toInstance leaves a missing state empty: to the rule the instance is alive. The launch time is that
// of the last start (EC2 API Reference, Instance: "the time that the instance was last launched").
func toInstance(i types.Instance) eni.Instance {
	instance := eni.Instance{StartedAt: aws.ToTime(i.LaunchTime), Group: tags(i.Tags)[tagGroup]}
	if i.State != nil {
		instance.State = eni.State(i.State.Name)
	}
	if instance.State == eni.Terminated {
		instance.EndedAt = endedAt(aws.ToString(i.StateTransitionReason))
	}
	return instance
}

// tagGroup is Auto Scaling's tag of its instances (Amazon EC2 Auto Scaling User Guide, "Tag Auto
// Scaling groups and instances").
const tagGroup = "aws:autoscaling:groupName"

// endedAt returns the time in a reason such as "User initiated (2026-11-23 10:00:00 GMT)", or
// zero: not every reason has one.
func endedAt(reason string) time.Time {
	_, behind, _ := strings.Cut(reason, "(")
	at, _ := time.Parse("2006-01-02 15:04:05 GMT)", behind)
	return at
}
