// Package autoscaling lists the subnets of Amazon EC2 Auto Scaling groups.
package autoscaling

import (
	"context"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/autoscaling"

	"github.com/network-interface-releaser/network-interface-releaser/functions/release/eni"
	"github.com/network-interface-releaser/network-interface-releaser/infra/awsconfig"
)

// Client implements eni.Groups.
type Client struct{ api *sdk.Client }

var _ eni.Groups = Client{}

// New makes a client with the region, credentials and retries of config.
func New(config aws.Config) Client { return Client{sdk.NewFromConfig(config)} }

// namesPerCall is the maximum of groups in one call, with MaxRecords as large (Auto Scaling API
// Reference, DescribeAutoScalingGroups: 50 by default, at most 100).
const namesPerCall = 100

// Subnets lists the subnets of these groups; deleted ones have none. Without names it makes no
// call: Auto Scaling would return all groups.
func (c Client) Subnets(ctx context.Context, groups []string) ([]string, error) {
	var subnets []string
	for names := range slices.Chunk(groups, namesPerCall) {
		pages := awsconfig.Pages(ctx, sdk.NewDescribeAutoScalingGroupsPaginator(c.api, &sdk.DescribeAutoScalingGroupsInput{
			AutoScalingGroupNames: names,
			MaxRecords:            aws.Int32(namesPerCall),
		}))
		for page, err := range pages {
			if err != nil {
				return subnets, err
			}
			for _, group := range page.AutoScalingGroups {
				subnets = append(subnets, strings.FieldsFunc(aws.ToString(group.VPCZoneIdentifier), separator)...)
			}
		}
	}
	return subnets, nil
}

// separator splits VPCZoneIdentifier, "a comma-separated list of subnet IDs".
func separator(r rune) bool { return r == ',' || r == ' ' }
