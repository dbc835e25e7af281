package hostile

import (
	"slices"
	"time"

	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator"
)

// traits are what does not change in a history.
type traits struct {
	kind      string
	interval  time.Duration // of the schedule
	length    time.Duration // until all becomes calm
	acts      int
	vpcs      int
	groups    int
	nodes     int // in each group at the start
	backlog   int // interfaces abandoned before the function came
	faults    float64
	kills     float64
	hidden    bool          // EC2 does not show the nodes
	wrong     time.Duration // how far the clocks of the nodes are off, at most
	beyond    bool          // a clock is off further than a node in a cluster can be
	sweeps    bool          // ipamd's own hourly sweep is on
	resource  bool          // EKS's VPC resource controller is there
	cron      time.Duration // how often somebody's script runs; 0: there is none
	hibernate bool
	options   simulator.Options
}

// kinds are the sizes of histories, most of them small: what can go wrong between two
// runs and a node needs no third node, and many small histories meet more of it than
// a few large ones.
var kinds = []struct {
	kind      string
	weight    int // in 10,000
	intervals []time.Duration
	length    [2]time.Duration
	acts      [2]int
	groups    [2]int
	nodes     [2]int
	backlog   [2]int
}{
	{"small", 9672, []time.Duration{15 * time.Minute, 20 * time.Minute, 30 * time.Minute, 45 * time.Minute}, [2]time.Duration{20 * time.Minute, 75 * time.Minute}, [2]int{4, 14}, [2]int{1, 1}, [2]int{1, 3}, [2]int{0, 2}},
	{"days", 250, []time.Duration{2 * time.Hour, 4 * time.Hour, 6 * time.Hour}, [2]time.Duration{26 * time.Hour, 50 * time.Hour}, [2]int{8, 20}, [2]int{1, 2}, [2]int{1, 4}, [2]int{0, 2}},
	{"minutely", 60, []time.Duration{time.Minute}, [2]time.Duration{20 * time.Minute, 45 * time.Minute}, [2]int{8, 25}, [2]int{1, 2}, [2]int{2, 6}, [2]int{0, 10}},
	{"large", 12, []time.Duration{time.Minute, 5 * time.Minute}, [2]time.Duration{30 * time.Minute, 2 * time.Hour}, [2]int{20, 50}, [2]int{1, 3}, [2]int{5, 16}, [2]int{0, 50}},
	{"backlog", 4, []time.Duration{time.Minute}, [2]time.Duration{5 * time.Minute, 15 * time.Minute}, [2]int{4, 10}, [2]int{1, 2}, [2]int{1, 4}, [2]int{100, 400}},
	{"whole day", 2, []time.Duration{time.Minute, 5 * time.Minute}, [2]time.Duration{24 * time.Hour, 30 * time.Hour}, [2]int{100, 200}, [2]int{2, 3}, [2]int{8, 17}, [2]int{0, 50}},
}

func (h *History) drawTraits() traits {
	place := h.rand.IntN(10_000)
	k := kinds[0]
	for _, k = range kinds {
		if place -= k.weight; place < 0 {
			break
		}
	}
	t := traits{
		kind: k.kind, interval: k.intervals[h.rand.IntN(len(k.intervals))], length: h.between(k.length[0], k.length[1]),
		acts: h.upTo(k.acts), groups: h.upTo(k.groups), nodes: h.upTo(k.nodes), backlog: h.upTo(k.backlog),
		vpcs: 1 + h.rand.IntN(2), hibernate: true,
	}
	t.faults = []float64{0, 0.02, 0.1, 0.3}[h.rand.IntN(4)]
	t.kills = []float64{0, 0, 0.05, 0.3}[h.rand.IntN(4)]
	t.hidden = h.chance(0.1)
	t.sweeps, t.resource = h.chance(0.2), h.chance(0.1)
	if h.chance(0.05) {
		t.cron = h.between(5*time.Minute, time.Hour)
	}
	switch {
	case h.chance(0.02): // no node with such a clock is in a cluster: what then?
		t.wrong, t.beyond = h.between(20*time.Minute, 12*time.Hour), true
	case h.chance(0.5):
		t.wrong = 15 * time.Minute
	}
	if t.hidden && h.chance(0.9) {
		t.hibernate = false // an owner that sleeps and that no one can see: nothing proves it alive (docs/safety.md)
	} else if t.hidden {
		t.beyond = true
	}
	t.options = simulator.Options{
		Account: account, EmptyPages: h.one(0, 0, 0.1), PagesOnly: h.chance(0.5), HideManaged: h.chance(0.5),
		Lost: h.one(0, 0.1, 1), Doubled: h.one(0, 0.2), Early: h.one(0, 0.3), Late: h.one(0, 0, 0.3),
	}
	return t
}

func (h *History) drawSettings() Settings {
	s := Settings{
		Account: account, GracePeriod: 30 * time.Minute, DeletesPerMinute: 60,
		DryRun: h.chance(0.03), ReleaseUntagged: h.chance(0.2),
	}
	if h.chance(0.2) {
		s.GracePeriod = time.Duration(22+h.rand.IntN(40)) * time.Minute
	}
	if h.chance(0.1) {
		s.DeletesPerMinute = []int{1, 2, 10, 150}[h.rand.IntN(4)]
	}
	if h.chance(0.1) {
		s.VPCs = slices.Clone(h.vpcs[:1])
	}
	if h.chance(0.1) {
		s.Clusters = []string{"blue"}
	}
	return s
}

// drawCNI draws a version and a mode.
func (h *History) drawCNI(subnets []string) simulator.CNI {
	cni := simulator.CNI{
		Cluster:     []string{"", "blue", "blue", "green"}[h.rand.IntN(4)],
		Untagged:    h.chance(0.05) && !h.traits.hidden, // an older CNI's living owner is visible (spec: the rule)
		Addresses:   []int{1, 2, 10, 30}[h.rand.IntN(4)],
		AttachFails: h.one(0, 0, 0.2),
	}
	if h.chance(0.2) {
		cni.Addresses, cni.Prefixes = 1, 1+h.rand.IntN(3)
	}
	if h.chance(0.2) { // custom networking: another subnet of the zone would do; the zone must be the node's
		cni.Subnet = subnets[0]
	}
	if h.chance(0.3) {
		cni.Zone = time.FixedZone("", 3600*(h.rand.IntN(27)-12))
	}
	if h.traits.wrong > 0 {
		cni.ClockOffset = h.between(-h.traits.wrong, h.traits.wrong+1)
		if h.traits.beyond && cni.ClockOffset.Abs() < 15*time.Minute {
			cni.ClockOffset -= 15 * time.Minute
		}
	}
	return cni
}

// drawMoments are the times of the acts: some at once, some alone.
func (h *History) drawMoments() []time.Time {
	now, moments := time.Now(), make([]time.Time, h.traits.acts)
	for i := range moments {
		moments[i] = now.Add(h.between(0, h.traits.length))
		if i > 0 && h.chance(0.4) {
			moments[i] = moments[i-1].Add(h.between(0, 20*time.Second))
		}
	}
	slices.SortFunc(moments, time.Time.Compare)
	return moments
}

func (h *History) between(low, high time.Duration) time.Duration {
	return low + time.Duration(h.rand.Int64N(int64(high-low)))
}

func (h *History) upTo(bounds [2]int) int { return bounds[0] + h.rand.IntN(bounds[1]-bounds[0]+1) }

func (h *History) chance(p float64) bool { return h.rand.Float64() < p }

func (h *History) one(of ...float64) float64 { return of[h.rand.IntN(len(of))] }
