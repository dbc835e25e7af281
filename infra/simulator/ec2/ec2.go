// Package ec2 is EC2 as far as network interfaces need it: VPCs, subnets and their
// addresses, interfaces, instances, and the calls about them on EC2's real wire.
//
// It imports loop, iam and api. Three stores hold what there is: network.go, then
// interface.go, then instance.go, each built on the ones before. On them stands
// service, with the calls: write.go and describe.go, whose filters are in filter.go.
// Start reading at [EC2], the stores in one, and at service below.
package ec2

import (
	"net/netip"
	"strings"

	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/api"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/iam"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/loop"
)

// EC2 is what there is in a region. All of it works inside the loop only.
type EC2 struct {
	*Network
	*InterfaceStore
	*InstanceStore
}

// Settings are how listings are answered. The zero value is friendly: every page
// full, every account setting at its default.
type Settings struct {
	EmptyPages  float64 // how likely a page is empty although more follow
	PagesOnly   bool    // refuses listings without MaxResults, as EC2 does to large accounts
	HideManaged bool    // hides operator-managed resources from listings that do not request them

	// PermissionFirst judges the permission for a write to what does not exist as if that had no
	// tags. Reports show both orders: terraform-provider-aws #46211 this one, and
	// aws-load-balancer-controller #2918 the other.
	PermissionFirst bool
}

// A service answers the calls.
type service struct {
	EC2
	loop     *loop.Loop
	account  iam.Account
	settings Settings
}

// New returns an empty EC2 and registers its calls.
func New(l *loop.Loop, front *api.Front, account iam.Account, settings Settings) *EC2 {
	network := &Network{loop: l, account: account, vpcs: map[string]netip.Prefix{}, subnets: map[string]*subnet{}}
	interfaces := &InterfaceStore{loop: l, account: account.ID, network: network}
	instances := &InstanceStore{loop: l, account: account.ID, network: network, interfaces: interfaces, guests: map[string]Guest{}}
	s := service{EC2{network, interfaces, instances}, l, account, settings}
	front.Register("ec2", api.Service{
		Operations: map[string]api.Operation{
			"DescribeNetworkInterfaces":       s.describeNetworkInterfaces,
			"DescribeInstances":               s.describeInstances,
			"DescribeSubnets":                 s.describeSubnets,
			"CreateNetworkInterface":          s.createNetworkInterface,
			"AttachNetworkInterface":          s.attachNetworkInterface,
			"ModifyNetworkInterfaceAttribute": s.modifyNetworkInterfaceAttribute,
			"DetachNetworkInterface":          s.detachNetworkInterface,
			"DeleteNetworkInterface":          s.deleteNetworkInterface,
			"CreateTags":                      s.createTags,
		},
		Success: envelope, Failure: refusal,
		BadCredentials: api.NewError(401, "AuthFailure", "AWS was not able to validate the provided access credentials"),
		Denied:         "UnauthorizedOperation",
		BadToken:       "InvalidPaginationToken",
		Throttled:      api.NewError(503, "RequestLimitExceeded", "Request limit exceeded."),
		Buckets:        buckets, BucketOf: bucketOf,
		Closes: true, // as recorded
	})
	return &s.EC2
}

// buckets are per account, region and action (EC2 API Reference, "Request
// throttling"): some actions have numbers of their own, the others those of their
// kind. Listings have more when they are paginated or filtered; those of subnets always.
var buckets = map[string]api.Bucket{
	"CreateNetworkInterface":          {Size: 100, Refill: 5},
	"DeleteNetworkInterface":          {Size: 100, Refill: 5},
	"ModifyNetworkInterfaceAttribute": {Size: 100, Refill: 5},
	"CreateTags":                      {Size: 100, Refill: 10},
	"DescribeSubnets":                 {Size: 100, Refill: 20},
	"paginated":                       {Size: 100, Refill: 20},
	"unpaginated":                     {Size: 50, Refill: 10},
	"other":                           {Size: 50, Refill: 5},
}

func bucketOf(c *api.Call) []string {
	if !strings.HasPrefix(c.Action, "Describe") {
		return []string{"other", c.Action}
	}
	for _, narrow := range []string{"MaxResults", "NextToken", "Filter.1.Name", "NetworkInterfaceId.1", "InstanceId.1", "SubnetId.1"} {
		if c.Form.Has(narrow) {
			return []string{"paginated", c.Action}
		}
	}
	return []string{"unpaginated", c.Action}
}
