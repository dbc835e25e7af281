package ec2

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
)

// FreeAddresses tells how many addresses are free in each of these subnets.
func (c Client) FreeAddresses(ctx context.Context, subnets []string) (map[string]int, error) {
	free := map[string]int{}
	for _, filters := range batches("subnet-id", subnets) {
		pages := sdk.NewDescribeSubnetsPaginator(c.api, &sdk.DescribeSubnetsInput{
			Filters:    filters,
			MaxResults: aws.Int32(pageSize),
		})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				return nil, err
			}
			if page.Subnets == nil {
				return nil, without("a list of subnets")
			}
			for _, subnet := range page.Subnets {
				free[aws.ToString(subnet.SubnetId)] = int(aws.ToInt32(subnet.AvailableIpAddressCount))
			}
		}
	}
	return free, nil
}
