package hostile

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator"
)

// report is what a run by hand answers, as far as the world holds it against itself.
type report struct {
	DryRun        bool
	Found         int
	FreeAddresses map[string]int
	Interfaces    []struct {
		ID, Subnet, Decision, Reason string
		Addresses                    int
	}
}

// inspect has an operator look: a dry run by hand meets no trouble and takes no
// virtual time, so that each line of its report must be what is expected of the
// interface at that instant.
func (h *History) inspect() {
	h.count("run/by hand")
	p := h.take(h.environment)
	r := &run{payload: []byte("{}"), dry: true, inspection: true, random: h.randomFor([]byte("{}"))}
	before := h.world.Now()
	answer, err := h.perform(context.Background(), p, r)
	if !h.world.Now().Equal(before) {
		return // the calls of all others took the account's share, so that the SDK waited
	}
	var said report
	if err != nil || json.Unmarshal(answer, &said) != nil {
		h.violate("a dry run by hand without any trouble answers %v: %s", err, answer)
		return
	}
	told := map[string]string{}
	for _, line := range said.Interfaces {
		told[line.ID] = line.Decision + " " + line.Reason
	}
	for _, eni := range h.world.Interfaces() {
		want := ""
		if p.settings.finds(eni) {
			f := p.settings.expect(eni, h.owner, h.world.Now())
			if want = "kept " + f.reason; f.release {
				want = "released " + f.reason
			}
			h.count("rule/" + f.line)
		}
		if told[eni.ID] != want {
			h.violate("of %+v a dry run says %q, expected is %q", eni, told[eni.ID], want)
		}
		delete(told, eni.ID)
	}
	if len(told) > 0 {
		h.violate("a dry run tells of interfaces that are not there: %v", told)
	}
	for subnet, free := range said.FreeAddresses {
		if h.world.FreeAddresses(subnet) != free {
			h.violate("a dry run says that %s has %d free addresses, it has %d", subnet, free, h.world.FreeAddresses(subnet))
		}
	}
}

// finds tells whether a sweep comes across an interface (spec: scope).
func (s Settings) finds(eni simulator.Interface) bool {
	return eni.Status == "available" && strings.HasPrefix(eni.Description, description+"i-") && s.coversVPC(eni)
}

// byHand has an operator release: everything, or what is named.
func (h *History) byHand() {
	input := map[string]any{"dryRun": false}
	for _, name := range []string{"instanceIds", "subnetIds", "vpcIds"} {
		if h.chance(0.4) {
			input[name] = h.named(name)
		}
	}
	payload, _ := json.Marshal(input)
	h.count("run/by hand")
	h.world.After(within(h.rand, 0, time.Second), func() { h.world.Tick(h.lambdaWith(payload)) })
}

func (h *History) named(what string) []string {
	switch what {
	case "instanceIds":
		named := []string{"i-0123456789abcdef0"}
		for _, eni := range h.world.Interfaces() {
			if owner := strings.TrimPrefix(eni.Description, description); instanceID.MatchString(owner) && h.chance(0.5) {
				named = append(named, owner)
			}
		}
		return named
	case "subnetIds":
		return h.subnets[:1+h.rand.IntN(len(h.subnets))]
	default:
		return h.vpcs[:1]
	}
}

func (h *History) lambdaWith(payload []byte) simulator.Invoke {
	return func(ctx context.Context, _ []byte) ([]byte, error) { return h.lambda(ctx, payload) }
}
