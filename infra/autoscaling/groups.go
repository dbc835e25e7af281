// Package autoscaling lists the subnets of Amazon EC2 Auto Scaling groups.
package autoscaling

import (
	"context"
	"errors"
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
// call: Auto Scaling would return all groups. A call that fails costs the subnets of its own groups only.
func (c Client) Subnets(ctx context.Context, groups []string) ([]string, error) {
	var subnets []string
	var failed []error
	for names := range slices.Chunk(groups, namesPerCall) {
		pages := awsconfig.Pages(ctx, sdk.NewDescribeAutoScalingGroupsPaginator(c.api, &sdk.DescribeAutoScalingGroupsInput{
			AutoScalingGroupNames: names,
			MaxRecords:            aws.Int32(namesPerCall),
		}))
		for page, err := range pages {
			if err == nil && page.AutoScalingGroups == nil {
				err = errors.New("the answer of Auto Scaling has no list of groups")
			}
			if err != nil {
				failed = append(failed, err)
				break
			}
			for _, group := range page.AutoScalingGroups {
				subnets = append(subnets, strings.FieldsFunc(aws.ToString(group.VPCZoneIdentifier), separator)...)
			}
		}
	}
	return subnets, errors.Join(failed...)
}

// separator splits VPCZoneIdentifier, "a comma-separated list of subnet IDs".
func separator(r rune) bool { return r == ',' || r == ' ' }
