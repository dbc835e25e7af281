package iam

import (
	"slices"
	"strings"
)

// Like matches a pattern with * (anything) and ? (one character; the EC2 User Guide
// says "zero or one" of filters), case-sensitive. A backslash takes the next
// character as it is.
func Like(pattern, s string) bool {
	switch {
	case pattern == "":
		return s == ""
	case pattern[0] == '*':
		return Like(pattern[1:], s) || s != "" && Like(pattern, s[1:])
	case s == "":
		return false
	case pattern[0] == '?':
		return Like(pattern[1:], s[1:])
	case pattern[0] == '\\' && len(pattern) > 1:
		return pattern[1] == s[0] && Like(pattern[2:], s[1:])
	}
	return pattern[0] == s[0] && Like(pattern[1:], s[1:])
}

// AnyLike holds if one of the patterns matches.
func AnyLike(patterns []string, s string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool { return Like(pattern, s) })
}

// anyARNLike compares part by part: a wildcard does not reach across a colon,
// except in the last part, the resource.
func anyARNLike(patterns []string, arn string) bool {
	const parts = 6 // arn:partition:service:region:account:resource
	have := strings.SplitN(arn, ":", parts)
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		return slices.EqualFunc(strings.SplitN(pattern, ":", parts), have, Like)
	})
}
