package hostile

import (
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator"
)

// fate is what shall become of an interface, and why: the specification once more,
// written from its text and not from the function's code, so that each checks the other.
type fate struct {
	release bool
	reason  string
	line    string // of the rule; coverage.go lists them
}

var instanceID = regexp.MustCompile(`^i-([0-9a-f]{8}|[0-9a-f]{17})$`)

// ownerOf tells of an instance as EC2 shows it to the function; nil: it does not.
type ownerOf func(id string) *simulator.Instance

func (s Settings) expect(eni simulator.Interface, owner ownerOf, now time.Time) fate {
	if reason := s.guard(eni); reason != "" {
		return fate{false, reason, reason}
	}
	tag, tagged := eni.Tags[tagCreatedAt]
	created, err := time.Parse(time.RFC3339, tag)
	readable, age := tagged && err == nil, now.Sub(created)

	terminated, running, other, unseen, slept := 0, 0, 0, 0, false
	claims := map[string]bool{strings.TrimPrefix(eni.Description, description): true}
	if instance, has := eni.Tags[tagInstance]; has {
		claims[instance] = true
	}
	for id := range claims {
		switch i := owner(id); {
		case i == nil:
			unseen++
		case i.State == "terminated":
			terminated++
		case i.State == "running":
			running++
			slept = slept || now.Sub(i.LaunchedAt) < 24*time.Hour
		default:
			other++
		}
	}
	switch {
	case terminated == len(claims):
		return fate{true, "owner-terminated", "owner-terminated"}
	case other > 0:
		return fate{false, "owner-alive", "owner-alive, not running"}
	case running > 0 && !slept && readable && age >= 24*time.Hour:
		return fate{true, "owner-forgot", "owner-forgot"}
	case running > 0:
		return fate{false, "owner-alive", "owner-alive, running"}
	case !tagged:
		return fate{true, "owner-gone", "owner-gone, no age"}
	case readable && age >= s.GracePeriod:
		return fate{true, "owner-gone", "owner-gone"}
	case readable && age >= -15*time.Minute:
		return fate{false, "young", "young"}
	}
	return fate{false, "age-unreadable", "age-unreadable"}
}

// guard is the reason to keep an interface whoever its owner is; "" for none.
func (s Settings) guard(eni simulator.Interface) string {
	instance, hasInstance := eni.Tags[tagInstance]
	_, hasAge := eni.Tags[tagCreatedAt]
	_, keep := eni.Tags[tagKeep]
	switch {
	case eni.Status != "available" || eni.Attachment != nil:
		return "attached"
	case eni.Type != "interface":
		return "type"
	case eni.RequesterManaged || eni.Operator != "":
		return "managed"
	case eni.Owner != account:
		return "foreign"
	case !strings.HasPrefix(eni.Description, description) || !instanceID.MatchString(strings.TrimPrefix(eni.Description, description)):
		return "not-cni"
	case hasPublicAddress(eni):
		return "associated"
	case eni.Tags[tagNoManage] == "true" || keep:
		return "opted-out"
	case !s.covers(eni):
		return "out-of-scope"
	case hasInstance && !instanceID.MatchString(instance):
		return "bad-tag"
	case !s.ReleaseUntagged && (!hasInstance || !hasAge):
		return "untagged"
	}
	return ""
}

func hasPublicAddress(eni simulator.Interface) bool {
	for _, a := range eni.Addresses {
		if a.Association != nil {
			return true
		}
	}
	return false
}

func (s Settings) covers(eni simulator.Interface) bool {
	inCluster := len(s.Clusters) == 0
	for _, name := range s.Clusters {
		_, owned := eni.Tags["kubernetes.io/cluster/"+name]
		inCluster = inCluster || eni.Tags[tagCluster] == name || owned
	}
	return inCluster && s.coversVPC(eni)
}

func (s Settings) coversVPC(eni simulator.Interface) bool {
	return len(s.VPCs) == 0 || slices.Contains(s.VPCs, eni.VPC)
}
