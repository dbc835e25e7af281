package main

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"golang.org/x/time/rate"

	"github.com/network-interface-releaser/network-interface-releaser/infra/ec2"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator"
)

// maxDrain is how much longer than its share of calls allows a backlog may take.
const maxDrain = 1.05

// pageTime is what reading a page of 1,000 interfaces takes at 128 MB's share of a
// processor (docs/performance.md, "Memory and processor").
const pageTime = 4 * time.Second

// Consecutive sweeps work off a backlog, every call taking as long as EC2's do: how
// long that takes, against DeletesPerMinute.
func TestDraining(t *testing.T) {
	t.Parallel()
	table := "| abandoned | DeletesPerMinute | reading a page | sweeps | virtual time | of the share's limit |\n|---|---|---|---|---|---|\n"
	for _, c := range []struct {
		abandoned, perMinute int
		reading              time.Duration
	}{{1000, 60, 0}, {1000, 150, 0}, {5000, 60, 0}, {5000, 150, 0}, {5000, 60, pageTime}} {
		if c.abandoned > 1000 && !*update {
			continue // a minute of real time, for make bench
		}
		synctest.Test(t, func(t *testing.T) {
			s := newStage(t, 1, simulator.Options{})
			s.deploy(map[string]string{"DeletesPerMinute": fmt.Sprint(c.perMinute)})
			backlog(s, c.abandoned, c.reading)
			begun, sweeps := time.Now(), 0
			var took time.Duration
			for len(s.world.Interfaces()) > 0 && sweeps < c.abandoned {
				next := time.Now().Add(time.Minute)
				s.report(s.sample("schedule"))
				sweeps, took = sweeps+1, time.Since(begun)
				time.Sleep(time.Until(next))
			}
			limit := time.Duration(c.abandoned) * time.Minute / time.Duration(c.perMinute)
			ratio := took.Seconds() / limit.Seconds()
			table += fmt.Sprintf("| %d | %d | %s | %d | %s | %.3f |\n", c.abandoned, c.perMinute, c.reading, sweeps, took.Round(time.Second), ratio)
			if ratio > maxDrain && c.reading == 0 {
				t.Errorf("%d interfaces took %s, %.3f of the limit", c.abandoned, took, ratio)
			}
		})
	}
	published(t, "drain", table)
}

// Three runs at once, minute after minute, and a CNI that deletes two interfaces a
// second beside them: it is never throttled, and neither are they.
func TestACNIBesideThreeRuns(t *testing.T) {
	t.Parallel()
	const minutes, each = 7, 500 * time.Millisecond
	onStage(t, func(s *stage) {
		backlog(s, 3*60*minutes*6/5, 0)
		own := make([]string, minutes*time.Minute/each)
		for n := range own {
			own[n] = s.world.Seed(simulator.Interface{Subnet: s.subnets[0], Description: "its own"})
		}
		config := s.config
		config.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "cni", SecretAccessKey: "secret"}, nil
		})
		cni := ec2.New(config)
		var all sync.WaitGroup
		all.Go(func() {
			for _, id := range own {
				if _, err := cni.Delete(s.Context(), id, rate.NewLimiter(rate.Inf, 0)); err != nil {
					s.Errorf("the CNI: %v", err)
				}
				time.Sleep(each - callLatency)
			}
		})
		for range 3 {
			all.Go(func() {
				for range minutes {
					next := time.Now().Add(time.Minute)
					s.report(s.sample("schedule"))
					time.Sleep(time.Until(next))
				}
			})
		}
		all.Wait()
		throttled, deleted := map[string]int{}, map[string]int{}
		for _, call := range s.world.Calls() {
			switch {
			case call.Action != "DeleteNetworkInterface":
			case call.Status == http.StatusServiceUnavailable:
				throttled[call.Caller]++
			default:
				deleted[call.Caller]++
			}
		}
		s.Logf("in %d minutes, deletes answered %v, throttled %v", minutes, deleted, throttled)
		if len(throttled) > 0 || deleted["cni"] != len(own) || deleted[functionKey] < 3*60*minutes*9/10 {
			s.Errorf("deletes answered %v, throttled %v", deleted, throttled)
		}
	})
}

// backlog seeds interfaces of terminated instances, four of each, and has every call
// take its time, and that of reading where it lists interfaces.
func backlog(s *stage, count int, reading time.Duration) {
	s.world.OnCall(func(call simulator.Call) simulator.Fault {
		if call.Action == "DescribeNetworkInterfaces" {
			return simulator.Fault{Latency: callLatency + reading}
		}
		return simulator.Fault{Latency: callLatency}
	})
	wide := s.world.AddSubnet(s.world.AddVPC("10.128.0.0/9"), "10.128.0.0/11", "a")
	for n := range count {
		if n%4 == 0 {
			s.instance(instanceID(n/4+1), "terminated")
		}
		leaked := s.leaked(wide, instanceID(n/4+1), time.Hour)
		leaked.Addresses = leaked.Addresses[:1] // to read ten takes the longer, and drains the same
		s.world.Seed(leaked)
	}
	if strings.Count(s.log.String(), "\n") > 0 {
		s.Error("somebody was at work already")
	}
}
