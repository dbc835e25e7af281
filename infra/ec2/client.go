// Package ec2 is what the releaser asks of Amazon EC2: interfaces, instances,
// subnets, and the one write. It hides pages, batches and error codes.
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

// New makes a client with the region, credentials and retries of config.
func New(config aws.Config) Client { return Client{sdk.NewFromConfig(config)} }

const (
	// maxFilterValues is how many values one call may name, all of its filters
	// together (EC2 API Reference, DescribeNetworkInterfaces: FilterLimitExceeded).
	maxFilterValues = 200
	// pageSize is the most that one page may hold (EC2 API Reference, MaxResults of
	// DescribeNetworkInterfaces, DescribeInstances and DescribeSubnets: 5 to 1000).
	pageSize = 1000
)

// batches splits the values of the filter name into calls that stay, together
// with the filters fixed, within the limit. No values make no call.
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
