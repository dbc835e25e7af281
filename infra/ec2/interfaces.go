package ec2

import (
	"context"
	"slices"
	"unique"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/network-interface-releaser/network-interface-releaser/functions/release/eni"
	"github.com/network-interface-releaser/network-interface-releaser/infra/awsconfig"
)

// prefixAddresses is the size of a delegated prefix, a /28 (EC2 User Guide, "Prefix delegation
// for Amazon EC2 network interfaces").
const prefixAddresses = 16

// available returns the filters of every search but OfInstances: EC2 then returns only what
// can be leaked.
func available() []types.Filter {
	return []types.Filter{
		filter("status", string(types.NetworkInterfaceStatusAvailable)),
		filter("description", eni.DescriptionPrefix+"i-*"),
	}
}

// Available lists the CNI's available interfaces of the region.
func (c Client) Available(ctx context.Context) ([]eni.Interface, error) {
	return c.interfaces(ctx, [][]types.Filter{available()})
}

// AvailableInVPCs lists the CNI's available interfaces of these VPCs.
func (c Client) AvailableInVPCs(ctx context.Context, vpcs []string) ([]eni.Interface, error) {
	return c.interfaces(ctx, batches("vpc-id", vpcs, available()...))
}

// AvailableInSubnets lists the CNI's available interfaces of these subnets.
func (c Client) AvailableInSubnets(ctx context.Context, subnets []string) ([]eni.Interface, error) {
	return c.interfaces(ctx, batches("subnet-id", subnets, available()...))
}

// Existing returns those of these interfaces that EC2 still lists.
func (c Client) Existing(ctx context.Context, ids []string) (map[string]bool, error) {
	listed, err := c.interfaces(ctx, batches("network-interface-id", ids))
	existing := make(map[string]bool, len(listed))
	for _, i := range listed {
		existing[i.ID] = true
	}
	return existing, err
}

// OfInstances lists the interfaces described as these instances' own.
func (c Client) OfInstances(ctx context.Context, instances []string) ([]eni.Interface, error) {
	descriptions := make([]string, 0, len(instances))
	for _, id := range instances {
		descriptions = append(descriptions, eni.DescriptionPrefix+id)
	}
	return c.interfaces(ctx, batches("description", descriptions))
}

func (c Client) interfaces(ctx context.Context, calls [][]types.Filter) ([]eni.Interface, error) {
	var all []eni.Interface
	for _, filters := range calls {
		pages := awsconfig.Pages(ctx, sdk.NewDescribeNetworkInterfacesPaginator(c.api, &sdk.DescribeNetworkInterfacesInput{
			Filters:                 filters,
			MaxResults:              aws.Int32(pageSize),
			IncludeManagedResources: aws.Bool(true),
		}))
		for page, err := range pages {
			if err != nil {
				return nil, err
			}
			if page.NetworkInterfaces == nil {
				return nil, missing("a list of interfaces")
			}
			for _, each := range page.NetworkInterfaces {
				if aws.ToString(each.NetworkInterfaceId) == "" {
					return nil, missing("the ID of an interface")
				}
				all = append(all, toInterface(each))
			}
		}
	}
	return all, nil
}

func toInterface(i types.NetworkInterface) eni.Interface {
	return eni.Interface{
		ID:          aws.ToString(i.NetworkInterfaceId),
		Subnet:      once(aws.ToString(i.SubnetId)),
		VPC:         once(aws.ToString(i.VpcId)),
		Account:     once(aws.ToString(i.OwnerId)),
		Status:      once(string(i.Status)),
		Type:        once(string(i.InterfaceType)),
		Description: aws.ToString(i.Description),
		Attached:    i.Attachment != nil,
		Managed:     aws.ToBool(i.RequesterManaged) || i.Operator != nil && aws.ToBool(i.Operator.Managed),
		Associated:  associated(i),
		Addresses:   len(i.PrivateIpAddresses) + prefixAddresses*len(i.Ipv4Prefixes),
		Tags:        tags(i.TagSet),
	}
}

func associated(i types.NetworkInterface) bool {
	return i.Association != nil || slices.ContainsFunc(i.PrivateIpAddresses, func(a types.NetworkInterfacePrivateIpAddress) bool {
		return a.Association != nil
	})
}

func tags(set []types.Tag) map[string]string {
	if len(set) == 0 {
		return nil
	}
	tags := make(map[string]string, len(set))
	for _, tag := range set {
		tags[once(aws.ToString(tag.Key))] = aws.ToString(tag.Value)
	}
	return tags
}

// once shares the memory of equal texts: thousands of interfaces have the same subnets, states
// and tag keys.
func once(text string) string { return unique.Make(text).Value() }
