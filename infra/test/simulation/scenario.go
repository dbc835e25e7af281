package simulation

import (
	"math/rand/v2"
	"slices"
	"time"

	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/cni"
	"github.com/network-interface-releaser/network-interface-releaser/infra/test/simulation/model"
)

// A Scenario is what a simulation is like from its beginning to its end. It is drawn once.
type Scenario struct {
	kind               string
	interval           time.Duration // of the schedule
	length             time.Duration // until it quiesces
	operations         int           // operations of the workload
	vpcs               int
	groups             int
	nodes              int // in each group at the start
	backlog            int // interfaces leaked before the function is deployed
	faults             float64
	kills              float64
	hidden             bool          // EC2 does not show the nodes
	clockError         time.Duration // largest error of a node's clock
	implausible        bool          // a clock is further off than that of a node in a cluster can be
	ipamdSweeps        bool          // ipamd's own hourly sweep is on
	resourceController bool          // EKS's VPC resource controller runs
	cron               time.Duration // interval of a cron script; 0: there is none
	hibernate          bool
	stateChanges       bool // the rule of state changes is enabled
	role               bool // the function has its role's permissions only
	options            simulator.Options
}

// A kind is the size of a scenario.
type kind struct {
	kind       string
	weight     int
	intervals  []time.Duration
	length     [2]time.Duration
	operations [2]int
	groups     [2]int
	nodes      [2]int
	backlog    [2]int
}

// kinds are mostly small: a defect between two runs and a node needs no third node, so
// many small simulations find more than a few large ones.
var kinds = []kind{
	{"small", 9672, []time.Duration{15 * time.Minute, 20 * time.Minute, 30 * time.Minute, 45 * time.Minute}, [2]time.Duration{20 * time.Minute, 75 * time.Minute}, [2]int{4, 14}, [2]int{1, 1}, [2]int{1, 3}, [2]int{0, 2}},
	{"days", 250, []time.Duration{2 * time.Hour, 4 * time.Hour, 6 * time.Hour}, [2]time.Duration{26 * time.Hour, 50 * time.Hour}, [2]int{8, 20}, [2]int{1, 2}, [2]int{1, 4}, [2]int{0, 2}},
	{"minutely", 60, []time.Duration{time.Minute}, [2]time.Duration{20 * time.Minute, 45 * time.Minute}, [2]int{8, 25}, [2]int{1, 2}, [2]int{2, 6}, [2]int{0, 10}},
	{"large", 12, []time.Duration{time.Minute, 5 * time.Minute}, [2]time.Duration{30 * time.Minute, 2 * time.Hour}, [2]int{20, 50}, [2]int{1, 3}, [2]int{5, 16}, [2]int{0, 50}},
	{"backlog", 4, []time.Duration{time.Minute}, [2]time.Duration{5 * time.Minute, 15 * time.Minute}, [2]int{4, 10}, [2]int{1, 2}, [2]int{1, 4}, [2]int{100, 400}},
	{"whole day", 2, []time.Duration{time.Minute, 5 * time.Minute}, [2]time.Duration{24 * time.Hour, 30 * time.Hour}, [2]int{100, 200}, [2]int{2, 3}, [2]int{8, 17}, [2]int{0, 50}},
}

func drawScenario(r *rand.Rand) Scenario {
	k := pickRow(r, kinds, func(k kind) int { return k.weight })
	s := Scenario{
		kind: k.kind, interval: pick(r, k.intervals...), length: within(r, k.length[0], k.length[1]),
		operations: upTo(r, k.operations), groups: upTo(r, k.groups), nodes: upTo(r, k.nodes), backlog: upTo(r, k.backlog),
		vpcs: 1 + r.IntN(2), hibernate: true,
	}
	s.faults = pick(r, 0, 0.02, 0.1, 0.3)
	s.kills = pick(r, 0, 0, 0.05, 0.3)
	s.hidden = chance(r, 0.1)
	s.ipamdSweeps, s.resourceController = chance(r, 0.2), chance(r, 0.1)
	if chance(r, 0.05) {
		s.cron = within(r, 5*time.Minute, time.Hour)
	}
	switch {
	case chance(r, 0.02): // no node with such a clock is in a cluster; the simulation counts what happens then
		s.clockError, s.implausible = within(r, 20*time.Minute, 12*time.Hour), true
	case chance(r, 0.5):
		s.clockError = 15 * time.Minute
	}
	if s.hidden { // nothing proves an owner alive that hibernates and that EC2 hides (docs/safety.md)
		s.hibernate = !chance(r, 0.9)
		s.implausible = s.implausible || s.hibernate
	}
	s.stateChanges, s.role = chance(r, 0.3), chance(r, 0.5)
	s.options = simulator.Options{
		PermissionFirst: chance(r, 0.5),
		Account:         account, EmptyPages: pick(r, 0, 0, 0.1), PagesOnly: chance(r, 0.5), HideManaged: chance(r, 0.5),
		Lost: pick(r, 0, 0.1, 1), Doubled: pick(r, 0, 0.2), Early: pick(r, 0, 0.3), Late: pick(r, 0, 0, 0.3),
	}
	return s
}

// drawMoments draws the times of the operations: some at once, some alone.
func (s Scenario) drawMoments(r *rand.Rand) []time.Time {
	now, moments := time.Now(), make([]time.Time, s.operations)
	for i := range moments {
		moments[i] = now.Add(within(r, 0, s.length))
		if i > 0 && chance(r, 0.4) {
			moments[i] = moments[i-1].Add(within(r, 0, 20*time.Second))
		}
	}
	slices.SortFunc(moments, time.Time.Compare)
	return moments
}

// drawCNI draws a version and a mode of the CNI.
func (s Scenario) drawCNI(r *rand.Rand, subnets []string) cni.Config {
	c := cni.Config{
		Cluster:     pick(r, "", "blue", "blue", "green"),
		Untagged:    chance(r, 0.05) && !s.hidden, // an older CNI's living owner is visible (docs/rule.md)
		Addresses:   pick(r, 1, 2, 10, 30),
		AttachFails: pick(r, 0, 0, 0.2),
	}
	if chance(r, 0.2) {
		c.Addresses, c.Prefixes = 1, 1+r.IntN(3)
	}
	if chance(r, 0.2) { // custom networking: a subnet of its own in the node's zone
		c.Subnet = subnets[0]
	}
	if chance(r, 0.3) {
		c.Zone = time.FixedZone("", 3600*(r.IntN(27)-12))
	}
	if chance(r, 0.03) { // it lost its date, and no interface has an age by it
		c.ClockOffset = -time.Since(time.Unix(int64(r.IntN(3600)), 0))
	} else if s.clockError > 0 {
		c.ClockOffset = within(r, -s.clockError, s.clockError+1)
		if s.implausible && c.ClockOffset.Abs() < 15*time.Minute {
			c.ClockOffset -= 15 * time.Minute
		}
	}
	return c
}

func drawSettings(r *rand.Rand, vpcs []string) model.Settings {
	s := model.Settings{
		Account: account, GracePeriod: 30 * time.Minute, DeletesPerMinute: 60,
		DryRun: chance(r, 0.03), ReleaseUntagged: chance(r, 0.2),
	}
	if chance(r, 0.2) {
		s.GracePeriod = time.Duration(22+r.IntN(40)) * time.Minute
	}
	if chance(r, 0.1) {
		s.DeletesPerMinute = pick(r, 1, 2, 10, 150)
	}
	if chance(r, 0.1) {
		s.VPCs = slices.Clone(vpcs[:1])
	}
	if chance(r, 0.1) {
		s.Clusters = []string{"blue"}
	}
	return s
}

// pick returns one of the given values; the zero value if there are none.
func pick[T any](r *rand.Rand, of ...T) (picked T) {
	if len(of) > 0 {
		picked = of[r.IntN(len(of))]
	}
	return picked
}

// pickRow returns one of a table's rows, each as often as its weight.
func pickRow[T any](r *rand.Rand, rows []T, weight func(T) int) T {
	var lots []int // the rows' indexes
	for i, row := range rows {
		lots = append(lots, slices.Repeat([]int{i}, weight(row))...)
	}
	return rows[pick(r, lots...)]
}

func chance(r *rand.Rand, p float64) bool { return r.Float64() < p }

// within returns a duration from low to below high.
func within(r *rand.Rand, low, high time.Duration) time.Duration {
	return low + time.Duration(r.Int64N(int64(high-low)))
}

// upTo returns a number from bounds[0] to bounds[1].
func upTo(r *rand.Rand, bounds [2]int) int { return bounds[0] + r.IntN(bounds[1]-bounds[0]+1) }
