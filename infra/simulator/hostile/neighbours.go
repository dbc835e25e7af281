package hostile

import "strings"

// inviteNeighbours starts other cleaners, and puts there what is abandoned already.
func (h *History) inviteNeighbours() {
	t := h.traits
	if t.resource {
		h.world.AddResourceController("blue")
	}
	if t.cron > 0 {
		h.world.AddCron(t.cron)
	}
	for range t.backlog {
		h.put(0)
	}
	for _, group := range h.groups {
		nodes, _ := h.world.ScaleOut(group, t.nodes)
		for _, node := range nodes {
			h.furnish(node)
		}
	}
}

// neighboursCalls counts the deletes of other cleaners.
func (h *History) neighboursCalls() (count int) {
	for _, c := range h.world.Calls() {
		if c.Action == "DeleteNetworkInterface" && (c.Caller == "cron" || c.Caller == "resource-controller" || strings.HasPrefix(c.Caller, "i-")) {
			count++
		}
	}
	return count
}
