package main

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator"
)

// A verdict is what the region knows of what the function did: not by tags, but
// by each CNI's life.
type verdict struct {
	deleted   []simulator.Interface // as they were when the function asked
	wrong     []string              // writes that should not have been
	missing   []string              // neighbours that are not there any more
	forgotten []simulator.Interface // abandoned, and still there
	onPurpose map[string]int        // abandoned, and kept by the rule: why, and how many
	audited   int                   // releases by the function's log
}

// judge holds what the function did against the truth. Witnessed is how each
// interface was when the function asked to delete it.
func judge(s *scene, witnessed map[string]simulator.Interface, journal []line) verdict {
	v := verdict{onPurpose: map[string]int{}}
	for _, call := range s.world.Calls() {
		id := call.Form.Get("NetworkInterfaceId")
		switch {
		case call.Caller != accessKey || call.Status != http.StatusOK || strings.HasPrefix(call.Action, "Describe"):
		case call.Action != "DeleteNetworkInterface":
			v.wrong = append(v.wrong, "the function called "+call.Action)
		case witnessed[id].LeakedAt.IsZero():
			v.wrong = append(v.wrong, "the function deleted "+id+", which was not abandoned")
		default:
			v.deleted = append(v.deleted, witnessed[id])
		}
	}
	for id, what := range s.neighbours {
		if _, there := s.world.Interface(id); !there {
			v.missing = append(v.missing, id+" ("+what+")")
		}
	}
	for _, eni := range s.world.Abandoned() {
		if why := s.onPurpose(eni); why != "" {
			v.onPurpose[why]++
		} else {
			v.forgotten = append(v.forgotten, eni)
		}
	}
	for _, l := range journal {
		if l.Message == audit {
			v.audited++
		}
	}
	return v
}

// onPurpose says why the rule keeps an abandoned interface; "" where it does not.
func (s *scene) onPurpose(eni simulator.Interface) string {
	_, tagged := eni.Tags[tagInstance]
	_, dated := eni.Tags[tagCreatedAt]
	_, kept := eni.Tags[tagKeep]
	creator, visible := s.world.Instance(eni.Creator)
	age := s.world.Now().Sub(eni.LeakedAt)
	switch {
	case kept:
		return "a tag asks to keep it"
	case tagged && !strings.HasPrefix(eni.Tags[tagInstance], "i-"):
		return "its tag names no instance"
	case !tagged || !dated:
		return "it has no tags, and ReleaseUntagged is false"
	case visible && creator.State == "running" && age < 24*time.Hour:
		return "its node runs: the rule gives it a day"
	}
	return ""
}

// complaint says what is wrong; "" where every abandoned interface was released
// and nothing else was.
func (v verdict) complaint() string {
	var all []string
	all = append(all, v.wrong...)
	if len(v.missing) > 0 {
		slices.Sort(v.missing)
		all = append(all, "these had to survive: "+strings.Join(v.missing, ", "))
	}
	if len(v.forgotten) > 0 {
		var ids []string
		for _, eni := range v.forgotten {
			ids = append(ids, eni.ID)
		}
		all = append(all, fmt.Sprintf("%d abandoned interfaces were not released: %s", len(ids), strings.Join(ids, ", ")))
	}
	if v.audited != len(v.deleted)+len(v.wrong) {
		all = append(all, fmt.Sprintf("the log tells of %d releases, and EC2 of %d", v.audited, len(v.deleted)+len(v.wrong)))
	}
	if len(v.deleted) == 0 {
		all = append(all, "nothing was released")
	}
	return strings.Join(all, "; ")
}
