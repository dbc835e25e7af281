package main

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator"
)

// A court is a scene after its past, with a witness and no function.
type court struct {
	*testing.T
	*scene
	witness *witness
	journal []line
}

func newCourt(t *testing.T) *court {
	t.Helper()
	s, err := newScene(7)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.playPast(func(*simulator.World) error { return nil }); err != nil {
		t.Fatal(err)
	}
	return &court{T: t, scene: s, witness: &witness{world: s.world, next: s.world.Handler(), before: map[string]simulator.Interface{}}}
}

// delete deletes an interface with the function's access key, and logs it.
func (c *court) delete(id string) {
	c.Helper()
	form := url.Values{"Action": {"DeleteNetworkInterface"}, "Version": {"2016-11-15"}, "NetworkInterfaceId": {id}}
	in := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(form.Encode()))
	in.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	in.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential="+accessKey+"/20260101/eu-west-1/ec2/aws4_request, SignedHeaders=host, Signature=none")
	out := httptest.NewRecorder()
	c.witness.ServeHTTP(out, in)
	if out.Code != http.StatusOK {
		c.Fatalf("deleting %s: %s", id, out.Body)
	}
	c.journal = append(c.journal, line{Message: audit, Interface: id})
}

// deleteAbandoned deletes what the rule would, but for some.
func (c *court) deleteAbandoned(but int) {
	c.Helper()
	for _, eni := range c.world.Abandoned() {
		if c.onPurpose(eni) != "" {
			continue
		}
		if but > 0 {
			but--
			continue
		}
		c.delete(eni.ID)
	}
}

func (c *court) expect(want string) {
	c.Helper()
	got := judge(c.scene, c.witness.seen(), c.journal).complaint()
	if want == "" && got != "" || !strings.Contains(got, want) {
		c.Errorf("the complaint is %q, want %q", got, want)
	}
}

func TestTheVerdict(t *testing.T) {
	t.Run("all right", func(t *testing.T) {
		c := newCourt(t)
		c.deleteAbandoned(0)
		c.expect("")
	})
	t.Run("one forgotten", func(t *testing.T) {
		c := newCourt(t)
		c.deleteAbandoned(1)
		c.expect("1 abandoned interfaces were not released: eni-")
	})
	t.Run("a neighbour deleted", func(t *testing.T) {
		c := newCourt(t)
		c.deleteAbandoned(0)
		for id, what := range c.neighbours {
			if what == "with an Elastic IP" {
				c.delete(id)
			}
		}
		c.expect("which was not abandoned; these had to survive: eni-")
	})
	t.Run("one that a node will attach deleted", func(t *testing.T) {
		c := newCourt(t)
		c.deleteAbandoned(0)
		for _, eni := range c.world.Interfaces() {
			if eni.Creator == c.karpenter[2] && eni.Status == "available" {
				c.delete(eni.ID)
			}
		}
		c.expect("which was not abandoned")
	})
	t.Run("a release not in the log", func(t *testing.T) {
		c := newCourt(t)
		c.deleteAbandoned(0)
		c.journal = c.journal[1:]
		c.expect("the log tells of")
	})
	t.Run("nothing done", func(t *testing.T) { newCourt(t).expect("nothing was released") })
}

// One seed is one history: what is compared at the end are the same nodes and interfaces.
func TestOneSeedIsOneHistory(t *testing.T) {
	a, b := newCourt(t), newCourt(t)
	first, second := a.world.Interfaces(), b.world.Interfaces()
	if len(first) != len(second) {
		t.Fatalf("%d and %d interfaces", len(first), len(second))
	}
	for i := range first {
		if first[i].ID != second[i].ID || first[i].Subnet != second[i].Subnet || size(first[i]) != size(second[i]) {
			t.Errorf("%+v and %+v", first[i], second[i])
		}
	}
}

// Every history has the scene that the demo promises.
func TestThePast(t *testing.T) {
	for seed := range uint64(20) {
		s, err := newScene(seed)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.playPast(func(*simulator.World) error { return nil }); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		open, kept := 0, 0
		for _, eni := range s.world.Abandoned() {
			if s.onPurpose(eni) == "" {
				open++
			} else {
				kept++
			}
		}
		if open != 17 || kept != 4 {
			t.Errorf("seed %d: %d abandoned interfaces, and %d kept on purpose; want 17 and 4", seed, open, kept)
		}
		for _, n := range s.subnets {
			if free := s.world.FreeAddresses(n.id); free < 10 || free > 80 {
				t.Errorf("seed %d: %d free addresses in subnet %s", seed, free, n.name)
			}
		}
	}
}
