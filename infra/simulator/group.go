package simulator

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// A Group is an Auto Scaling group of nodes.
type Group struct {
	Name    string
	Subnets []string // its nodes are spread over them in turn
	Node    Node     // what its nodes are like
}

type group struct {
	Group
	arn     string
	created time.Time
	members []string
	next    int // subnet
}

// AddGroup adds an empty group.
func (w *World) AddGroup(g Group) {
	defer w.enter()()
	w.groups[g.Name] = &group{Group: g, created: w.now, arn: w.arn("autoscaling", "autoScalingGroup:"+w.newUUID()+":autoScalingGroupName/"+g.Name)}
}

// ScaleOut launches count nodes and returns their instances. It stops at the first
// that finds no address.
func (w *World) ScaleOut(name string, count int) (instances []string, err error) {
	defer w.enter()()
	g := w.groups[name]
	for range count {
		n := g.Node
		n.Subnet = g.Subnets[g.next%len(g.Subnets)]
		g.next++
		id, refused := w.launch(n)
		if refused != nil {
			return instances, fmt.Errorf("scaling %s out: %w", name, refused)
		}
		i := w.instances.rows[id]
		i.Tags = map[string]string{"aws:autoscaling:groupName": name} // Auto Scaling's own tag
		w.instances.put(w.now, id, i)
		g.members = append(g.members, id)
		instances = append(instances, id)
	}
	return instances, nil
}

// ScaleIn terminates the group's count oldest nodes and returns their instances. Each one's
// event follows when it is terminated, as well as Auto Scaling delivers it.
func (w *World) ScaleIn(name string, count int) (instances []string) {
	defer w.enter()()
	g := w.groups[name]
	count = min(count, len(g.members))
	instances, g.members = g.members[:count:count], g.members[count:]
	for _, id := range instances {
		w.terminateMember(g, id)
	}
	return instances
}

// end terminates an instance, as its group does where it has one: a group
// replaces what died by itself, and tells so.
func (w *World) end(instance string) {
	for _, name := range slices.Sorted(maps.Keys(w.groups)) {
		g := w.groups[name]
		if i := slices.Index(g.members, instance); i >= 0 {
			g.members = slices.Concat(g.members[:i], g.members[i+1:])
			w.terminateMember(g, instance)
			return
		}
	}
	w.terminate(instance, false, nil)
}

// terminateMember ends a group's instance; the event comes at best
// effort (Amazon EventBridge Events Reference, "Amazon EC2 Auto Scaling events").
func (w *World) terminateMember(g *group, id string) {
	i, start := w.instances.rows[id], w.now
	w.terminate(id, w.chance(w.options.Early), func() {
		if w.chance(w.options.Lost) {
			return
		}
		event := w.terminateEvent(g, i, start)
		delay := w.between(0, 2*time.Second)
		if w.chance(w.options.Late) {
			delay += w.between(0, 2*time.Hour)
		}
		w.after(delay, func() { w.emit(event) })
		if w.chance(w.options.Doubled) {
			w.after(w.between(0, time.Minute), func() { w.emit(event) })
		}
	})
}

// terminateEvent is "EC2 Instance Terminate Successful" (Amazon EC2 Auto Scaling
// User Guide, "Amazon EC2 Auto Scaling event reference").
func (w *World) terminateEvent(g *group, i Instance, start time.Time) []byte {
	activity, began := w.newUUID(), start.Format(time.RFC3339)
	return w.event("aws.autoscaling", "EC2 Instance Terminate Successful", []string{g.arn, w.arn("ec2", "instance/"+i.ID)}, map[string]any{
		"StatusCode": "InProgress", "Description": "Terminating EC2 instance: " + i.ID, "AutoScalingGroupName": g.Name,
		"ActivityId": activity, "RequestId": activity, "StatusMessage": "",
		"Details":   map[string]any{"Availability Zone": i.Zone, "Subnet ID": i.Subnet},
		"StartTime": began, "EndTime": w.now.Format(time.RFC3339), "EC2InstanceId": i.ID,
		"Cause":  "At " + began + " an instance was taken out of service",
		"Origin": "AutoScalingGroup", "Destination": "EC2",
	})
}
