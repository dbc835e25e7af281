package main

import (
	"maps"
	"net/http"
	"sync"

	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator"
)

// A witness stands before the region and notes how each interface is, by the
// region's own knowledge, when the function asks to delete it.
type witness struct {
	world *simulator.World
	next  http.Handler

	mu     sync.Mutex
	before map[string]simulator.Interface
}

func (w *witness) ServeHTTP(out http.ResponseWriter, in *http.Request) {
	if in.ParseForm() == nil && in.Form.Get("Action") == "DeleteNetworkInterface" {
		if eni, ok := w.world.Interface(in.Form.Get("NetworkInterfaceId")); ok {
			w.mu.Lock()
			w.before[eni.ID] = eni
			w.mu.Unlock()
		}
	}
	w.next.ServeHTTP(out, in)
}

// seen is what was noted, by the interfaces' IDs.
func (w *witness) seen() map[string]simulator.Interface {
	w.mu.Lock()
	defer w.mu.Unlock()
	return maps.Clone(w.before)
}
