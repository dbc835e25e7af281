package simulation

import (
	"context"
	"encoding/json"
	"time"

	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/ec2"
	"github.com/network-interface-releaser/network-interface-releaser/infra/test/simulation/model"
)

// tag changes or removes a tag of any interface.
func (w *Workload) tag() {
	id := pick(w.rand, w.region.EC2.Interfaces()...).ID
	key := pick(w.rand, model.TagInstance, model.TagCreatedAt, model.TagKeep, "Network-Interface-Releaser/KEEP", model.TagNoManage, model.TagCluster, "Name")
	value, remove := w.garbage(), chance(w.rand, 0.4)
	w.trace("the operator tags %s: %s = %q (or removes it: %v)", id, key, value, remove)
	w.redated[id] = w.redated[id] || key == model.TagCreatedAt
	w.region.EC2.UpdateInterface(id, func(eni *ec2.Interface) {
		if remove {
			delete(eni.Tags, key)
			return
		}
		eni.Tags[key] = value
	})
}

// attach attaches a leaked interface to a node, for some minutes.
func (w *Workload) attach() {
	leaked := w.region.EC2.Leaked()
	if len(leaked) == 0 {
		return
	}
	id, node := leaked[0].ID, w.anyNode("running")
	if node == "" {
		return
	}
	w.trace("the operator attaches %s to %s", id, node)
	w.region.EC2.UpdateInterface(id, func(eni *ec2.Interface) {
		eni.Status, eni.LeakedAt = "in-use", time.Time{}
		eni.Attachment = &ec2.Attachment{ID: "eni-attach-by-hand", Instance: node, InstanceOwner: account, DeviceIndex: 9, Status: "attached"}
	})
	w.region.Loop.After(within(w.rand, 0, time.Hour), func() {
		w.region.EC2.UpdateInterface(id, func(eni *ec2.Interface) {
			eni.Status, eni.Attachment, eni.LeakedAt = "available", nil, w.region.Loop.Now()
		})
	})
}

// makeUndeletable makes an interface one that no run can ever delete.
func (w *Workload) makeUndeletable() {
	for _, eni := range w.region.EC2.Leaked() {
		if chance(w.rand, 0.5) {
			how := pick(w.rand, refusals...)
			w.trace("%s can never be deleted: %s", eni.ID, how.name)
			w.faults.undeletable[eni.ID] = how
			return
		}
	}
}

// invalid are messages that the function cannot use.
var invalid = []string{
	"", "{", "null", "[]", `{"source":"aws.autoscaling"}`, `{"source":"aws.scheduler","detail-type":"Scheduled Event","detail":"{}"}`, `{"dryRun":false}`,
	`{"source":"aws.autoscaling","detail-type":"EC2 Instance Terminate Successful","detail":{"EC2InstanceId":"i-*"}}`,
	`{"source":"aws.ec2","detail-type":"EC2 Instance State-change Notification","detail":{"instance-id":"i-*","state":"terminated"}}`,
}

func (w *Workload) sendInvalid() {
	body := pick(w.rand, invalid...)
	w.trace("an invalid message: %s", body)
	w.stack.Queue.Send(body)
}

// tickTwice repeats a tick: Scheduler delivers at least once (EventBridge Scheduler User Guide).
func (w *Workload) tickTwice() {
	for range 1 + w.rand.IntN(3) {
		w.tick(w.executions.Invoke)
	}
}

func (w *Workload) redeploy() {
	settings := drawSettings(w.rand, w.network.vpcs)
	w.trace("redeployed with %+v", settings)
	w.executions.deploy(settings)
}

// runManually makes a manual run that releases: everything, or what it names.
func (w *Workload) runManually() {
	input := map[string]any{"dryRun": false}
	if chance(w.rand, 0.4) {
		input["instanceIds"] = w.someOwners()
	}
	if chance(w.rand, 0.4) {
		input["subnetIds"] = w.network.subnets[:1+w.rand.IntN(len(w.network.subnets))]
	}
	if chance(w.rand, 0.4) {
		input["vpcIds"] = w.network.vpcs[:1]
	}
	payload, _ := json.Marshal(input)
	if chance(w.rand, 0.2) {
		input["clusterNames"] = []string{pick(w.rand, "blue", "green")}
	}
	w.count("run/manual")
	replaced := func(ctx context.Context, _ []byte) ([]byte, error) { return w.executions.Invoke(ctx, payload) }
	w.region.Loop.After(within(w.rand, 0, time.Second), func() { w.tick(replaced) })
}

func (w *Workload) someOwners() []string {
	ids := []string{"i-0123456789abcdef0"}
	for _, eni := range w.region.EC2.Interfaces() {
		if id := model.Described(eni); model.InstanceID.MatchString(id) && chance(w.rand, 0.5) {
			ids = append(ids, id)
		}
	}
	return ids
}
