package awsconfig

import (
	"context"
	"iter"
)

// paginator is one of the SDK's; Options are its service's.
type paginator[Page, Options any] interface {
	HasMorePages() bool
	NextPage(context.Context, ...func(*Options)) (Page, error)
}

// Pages returns all pages of a listing, or those up to the first error.
func Pages[Page, Options any](ctx context.Context, p paginator[Page, Options]) iter.Seq2[Page, error] {
	return func(yield func(Page, error) bool) {
		for p.HasMorePages() {
			page, err := p.NextPage(ctx)
			if !yield(page, err) || err != nil {
				return
			}
		}
	}
}
