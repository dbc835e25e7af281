package simulator

import "time"

// A Bucket allows Size calls at once and Refill a second after that.
type Bucket struct {
	Size, Refill float64
}

// DefaultBuckets are EC2's per account, region and action (facts 4; EC2 Developer
// Guide, Request throttling). Other writes share the category's numbers, each
// action with a bucket of its own; listings have more when they are paginated or
// filtered. Auto Scaling has one bucket for all of its actions, its size is not
// published: the numbers here are only an assumption.
func DefaultBuckets() map[string]Bucket {
	return map[string]Bucket{
		"CreateNetworkInterface": {100, 5},
		"DeleteNetworkInterface": {100, 5},
		"DetachNetworkInterface": {100, 5},
		"CreateTags":             {100, 10},
		"DeleteTags":             {100, 10},
		"paginated":              {100, 20},
		"unpaginated":            {50, 10},
		"other":                  {50, 5},
		"autoscaling":            {100, 10},
	}
}

type bucket struct {
	Bucket
	tokens float64
	at     time.Time
}

// spend takes a call's token out of its bucket.
func (w *World) spend(c *Call) *Error {
	if c.Service == "autoscaling" {
		if !w.bucket("autoscaling", "autoscaling").take(w.now) {
			return &Error{400, "Throttling", "Rate exceeded"}
		}
		return nil
	}
	kind := "other"
	if isListing(c.Action) {
		kind = "unpaginated"
		if c.Form.Has("MaxResults") || c.Form.Has("NextToken") || c.Form.Has("Filter.1.Name") || hasIDs(c) {
			kind = "paginated"
		}
	}
	if !w.bucket(c.Action, kind).take(w.now) {
		return &Error{503, "RequestLimitExceeded", "Request limit exceeded."}
	}
	return nil
}

// bucket is the action's own, made on first use: as the options say, else by
// default, and by its kind where it has no numbers of its own.
func (w *World) bucket(action, kind string) *bucket {
	name := action + "/" + kind
	if b, ok := w.buckets[name]; ok {
		return b
	}
	limits := DefaultBuckets()
	size, ok := limits[action]
	if !ok {
		size = limits[kind]
	}
	for _, key := range []string{kind, action} {
		if own, ok := w.options.Buckets[key]; ok {
			size = own
		}
	}
	w.buckets[name] = &bucket{size, size.Size, w.now}
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
