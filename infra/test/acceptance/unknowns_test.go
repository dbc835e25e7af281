package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/autoscaling"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/cloudformation"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/ec2"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/iam"
	"github.com/network-interface-releaser/network-interface-releaser/infra/test/boto3"
	"github.com/network-interface-releaser/network-interface-releaser/infra/test/harness"
)

// The simulator answers a second delete in either order of absence and permission. Its clock goes on
// by a second with each call. What needs queues is TestE2EAcceptance's.
func TestUnknowns(t *testing.T) {
	harness.Tool(t, ".venv", "bin", "python")
	t.Chdir(harness.Root())
	for permissionFirst, second := range map[bool]string{false: "InvalidNetworkInterfaceID.NotFound", true: "UnauthorizedOperation"} {
		r := harness.NewRegion(t, 1, simulator.Options{PermissionFirst: permissionFirst})
		server := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, in *http.Request) {
			r.Advance(time.Second)
			r.Front.ServeHTTP(out, in)
		}))
		t.Cleanup(server.Close)
		t.Setenv("AWS_ENDPOINT_URL", server.URL)
		r.AddInterface(ec2.Interface{Subnet: r.Subnets[0], Operator: "eks.amazonaws.com", Attachment: &ec2.Attachment{Instance: harness.InstanceID(1)}})
		r.Do(func() {
			r.AutoScaling.AddGroup(autoscaling.Group{Name: "nodes", Subnets: r.Subnets[1:]})
			harness.Must(r.AutoScaling.ScaleOut("nodes", 1))(t)
		})
		a := asking(t, r)
		a.beside((*acceptance).askSecondDelete, (*acceptance).askKeep, (*acceptance).askManaged, (*acceptance).askNode)
		harness.OK(t, attempt(a.awaitUnknowns))

		const deleted, deny, from = "a second delete under a condition on a tag, after ", "a delete of what has an empty network-interface-releaser/keep, under the deny ", "from the terminate call until "
		want := map[string]string{
			deleted + "0s": second, deleted + "1ms": second, deleted + "10ms": second,
			deny + "KeepWhatIsTaggedKeep": "UnauthorizedOperation", deny + "KeepWhateverTheValue": "UnauthorizedOperation",
			"a delete of an operator's interface":            "OperationNotPermitted",
			"an attach to an instance that is shutting down": "IncorrectState",
			from + "the interface is available":              "", // a time
			from + "the instance is terminated":              "",
			from + "EC2 Instance State-change Notification":  "never seen",
			from + "EC2 Instance Terminate Successful":       "never seen",
		}
		for _, line := range harness.Lines[finding](t, string(harness.Must(os.ReadFile(a.record))(t))) {
			prefix, expected := want[line.Question]
			_, err := time.ParseDuration(line.Answer)
			if !expected || prefix == "" && err != nil || !strings.HasPrefix(line.Answer, prefix) {
				t.Errorf("%+v, want %q", line, prefix)
			}
			delete(want, line.Question)
		}
		if len(want) > 0 {
			t.Errorf("not found: %q", want)
		}
	}
}

// asking returns a run that asks the region, with the statements of the function's role.
func asking(t *testing.T, r *harness.Region) *acceptance {
	resources := harness.Deployed(t, map[string]string{"VpcIds": r.VPC})
	document := harness.Must(cloudformation.At(resources, "ReleaseFunctionRole", "Properties", "Policies", 0, "PolicyDocument", "Statement"))(t)
	environment := append(harness.SAMEnvironment(t), "AWS_ENDPOINT_URL="+os.Getenv("AWS_ENDPOINT_URL"))
	a := &acceptance{
		sandbox: &sandbox{region: harness.StackRegion, id: "test", ctx: t.Context(), environment: environment, begun: time.Now(), poll: time.Millisecond},
		nets:    []subnet{{r.Subnets[0], r.VPC}, {r.Subnets[1], r.VPC}},
		record:  filepath.Join(t.TempDir(), "acceptance.json"), wait: 10 * time.Millisecond,
		statements: map[string]string{}, needs: stack{outputs: map[string]string{"Group": "nodes"}},
	}
	for _, each := range document.([]any) {
		a.statements[each.(map[string]any)["Sid"].(string)] = string(harness.Must(json.Marshal(each))(t))
	}
	sessions := 0
	a.as = func(_ *acceptance, policy string) *boto3.Client {
		sessions++
		key := fmt.Sprint("AKSESSION", sessions)
		allowed := harness.Must(simulator.FunctionRole(resources))(t)
		if policy != "" {
			allowed = harness.Must(iam.ParsePolicy([]byte(policy)))(t)
		}
		r.Do(func() { r.Front.Allow(key, allowed) })
		return harness.Must(boto3.Start(".", append(environment, "AWS_ACCESS_KEY_ID="+key)))(t)
	}
	return a
}
