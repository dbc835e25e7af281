package eventbridge

import (
	"encoding/json"
	"fmt"
	"testing"
)

// EventBridge User Guide, "Comparison operators for use in event patterns"; Amazon EC2 Auto
// Scaling User Guide, "Warm pool example events and patterns".
func TestPattern(t *testing.T) {
	const pattern = `{"source": ["aws.autoscaling"], "detail-type": ["EC2 Instance Terminate Successful"], "detail": {"AutoScalingGroupName": [{"prefix": ""}], "Destination": [{"anything-but": "WarmPool"}, {"exists": false}]}}`
	const event = `{"source": "aws.autoscaling", "detail-type": "EC2 Instance Terminate Successful", "detail": {"AutoScalingGroupName": "asg"%s}}`
	for detail, want := range map[string]bool{
		``: true, `, "Destination": "EC2"`: true, `, "Destination": "AutoScalingGroup"`: true, `, "Destination": "WarmPool"`: false,
	} {
		var p, e map[string]any
		if err := json.Unmarshal([]byte(pattern), &p); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(fmt.Appendf(nil, event, detail), &e); err != nil {
			t.Fatal(err)
		}
		if got := matches(p, e); got != want {
			t.Errorf("%s: got %v, want %v", detail, got, want)
		}
	}
}
