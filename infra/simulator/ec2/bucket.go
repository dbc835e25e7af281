package ec2

import (
	"strings"

	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/api"
)

// buckets are per account, region and action (EC2 API Reference, "Request
// throttling"): some actions have numbers of their own, the others those of their
// kind. Listings have more when they are paginated or filtered.
var buckets = map[string]api.Bucket{
	"CreateNetworkInterface": {Size: 100, Refill: 5},
	"DeleteNetworkInterface": {Size: 100, Refill: 5},
	"DetachNetworkInterface": {Size: 100, Refill: 5},
	"CreateTags":             {Size: 100, Refill: 10},
	"paginated":              {Size: 100, Refill: 20},
	"unpaginated":            {Size: 50, Refill: 10},
	"other":                  {Size: 50, Refill: 5},
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
