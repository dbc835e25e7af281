package simulator

import (
	"cmp"
	"strings"
	"time"
)

// A Bucket allows Size calls at once and Refill a second after that.
type Bucket struct {
	Size, Refill float64
}

// buckets are EC2's per account, region and action (EC2 API Reference, "Request
// throttling"): some actions have numbers of their own, the others those of their
// kind; listings have more when they are paginated or filtered. Auto Scaling has
// one bucket for all of its actions. Its size is not documented: the numbers here
// are an assumption.
var buckets = map[string]Bucket{
	"CreateNetworkInterface": {100, 5},
	"DeleteNetworkInterface": {100, 5},
	"DetachNetworkInterface": {100, 5},
	"CreateTags":             {100, 10},
	"paginated":              {100, 20},
	"unpaginated":            {50, 10},
	"other":                  {50, 5},
	"autoscaling":            {100, 10},
}

type bucket struct {
	Bucket
	tokens float64
	at     time.Time
}

// spend takes a call's token out of its bucket.
func (w *World) spend(c *Call) *Error {
	if c.Service == "autoscaling" {
		if !w.bucket("", "autoscaling").take(w.now) {
			return &Error{400, "Throttling", "Rate exceeded"}
		}
		return nil
	}
	if !w.bucket(c.Action, kindOf(c)).take(w.now) {
		return &Error{503, "RequestLimitExceeded", "Request limit exceeded."}
	}
	return nil
}

// kindOf is how EC2 throttles an action without numbers of its own.
func kindOf(c *Call) string {
	if !strings.HasPrefix(c.Action, "Describe") {
		return "other"
	}
	for _, narrow := range []string{"MaxResults", "NextToken", "Filter.1.Name", "NetworkInterfaceId.1", "InstanceId.1", "SubnetId.1"} {
		if c.Form.Has(narrow) {
			return "paginated"
		}
	}
	return "unpaginated"
}

// bucket is the one of an action and a kind, made on first use. The action's own
// numbers come before its kind's, and the world's options before the usual ones.
func (w *World) bucket(action, kind string) *bucket {
	name := action + "/" + kind
	if w.buckets[name] == nil {
		var size Bucket
		for _, numbers := range []Bucket{buckets[kind], buckets[action], w.options.Buckets[kind], w.options.Buckets[action]} {
			size = cmp.Or(numbers, size)
		}
		w.buckets[name] = &bucket{size, size.Size, w.now}
	}
	return w.buckets[name]
}

func (b *bucket) take(now time.Time) bool {
	b.tokens = min(b.Size, b.tokens+now.Sub(b.at).Seconds()*b.Refill)
	b.at = now
	if b.tokens < 1 {
		return false
	}
	b.tokens--
	return true
}
