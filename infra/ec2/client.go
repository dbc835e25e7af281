// Package ec2 reads interfaces, instances and subnets of Amazon EC2, and deletes interfaces. It
// hides pages, batches and error codes.
package ec2

import (
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/network-interface-releaser/network-interface-releaser/functions/release/eni"
)

// Client implements the ports of package eni.
type Client struct{ api *sdk.Client }

var (
	_ eni.Interfaces = Client{}
	_ eni.Instances  = Client{}
	_ eni.Subnets    = Client{}
	_ eni.Deleter    = Client{}
)

// New returns a client with the region, credentials and retries of config.
func New(config aws.Config) Client { return Client{sdk.NewFromConfig(config)} }

const (
	// maxFilterValues limits the values of all filters of one call together
	// (EC2 API Reference, DescribeNetworkInterfaces: FilterLimitExceeded).
	maxFilterValues = 200
	// pageSize is the maximum of a page (EC2 API Reference, MaxResults of
	// DescribeNetworkInterfaces, DescribeInstances and DescribeSubnets: 5 to 1000).
	pageSize = 1000
)

// batches splits the values of a filter into calls that stay, together with the fixed filters,
// within the limit. Without values it returns no call.
func batches(name string, values []string, fixed ...types.Filter) [][]types.Filter {
	room := maxFilterValues
	for _, filter := range fixed {
		room -= len(filter.Values)
	}
	var calls [][]types.Filter
	for some := range slices.Chunk(values, room) {
		calls = append(calls, append(slices.Clone(fixed), filter(name, some...)))
	}
	return calls
}

func filter(name string, values ...string) types.Filter {
	return types.Filter{Name: aws.String(name), Values: values}
}
