package autoscaling

import (
	"encoding/xml"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/api"
	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/iam"
)

// MaxRecords' default and highest value. As many names may a call have (Amazon EC2
// Auto Scaling API Reference, DescribeAutoScalingGroups).
const defaultRecords, maxRecords = 50, 100

type describeGroupsResponse struct {
	XMLName   xml.Name   `xml:"http://autoscaling.amazonaws.com/doc/2011-01-01/ DescribeAutoScalingGroupsResponse"`
	Groups    []groupXML `xml:"DescribeAutoScalingGroupsResult>AutoScalingGroups>member"`
	NextToken string     `xml:"DescribeAutoScalingGroupsResult>NextToken,omitempty"`
	RequestID string     `xml:"ResponseMetadata>RequestId"`
}

type groupXML struct {
	Name      string             `xml:"AutoScalingGroupName"`
	ARN       string             `xml:"AutoScalingGroupARN"`
	Min       int                `xml:"MinSize"`
	Max       int                `xml:"MaxSize"`
	Desired   int                `xml:"DesiredCapacity"`
	Cooldown  int                `xml:"DefaultCooldown"`
	Zones     []string           `xml:"AvailabilityZones>member"`
	Check     string             `xml:"HealthCheckType"`
	Created   string             `xml:"CreatedTime"`
	Subnets   string             `xml:"VPCZoneIdentifier"`
	Instances []groupInstanceXML `xml:"Instances>member"`
}

type groupInstanceXML struct {
	ID        string `xml:"InstanceId"`
	Zone      string `xml:"AvailabilityZone"`
	State     string `xml:"LifecycleState"`
	Health    string `xml:"HealthStatus"`
	Protected bool   `xml:"ProtectedFromScaleIn"`
}

// A terminateResponse is the answer to TerminateInstanceInAutoScalingGroup, without the activity.
type terminateResponse struct {
	XMLName   xml.Name `xml:"http://autoscaling.amazonaws.com/doc/2011-01-01/ TerminateInstanceInAutoScalingGroupResponse"`
	Result    string   `xml:"TerminateInstanceInAutoScalingGroupResult"`
	RequestID string   `xml:"ResponseMetadata>RequestId"`
}

type errorXML struct {
	XMLName   xml.Name `xml:"http://autoscaling.amazonaws.com/doc/2011-01-01/ ErrorResponse"`
	Type      string   `xml:"Error>Type"`
	Code      string   `xml:"Error>Code"`
	Message   string   `xml:"Error>Message"`
	RequestID string   `xml:"RequestId"`
}

// register adds Auto Scaling to the front. It has one bucket for all of its actions;
// its size is not documented, the numbers here are an assumption.
func (s *Groups) register(front *api.Front) {
	front.Register("autoscaling", api.Service{
		Operations: map[string]api.Operation{"DescribeAutoScalingGroups": s.describe, "TerminateInstanceInAutoScalingGroup": s.terminateInstance},
		Success: func(_, requestID string, result any) any {
			answer, isListing := result.(describeGroupsResponse)
			if !isListing {
				return terminateResponse{RequestID: requestID}
			}
			answer.RequestID = requestID
			return answer
		},
		Failure:   failure,
		Denied:    "AccessDenied",
		BadToken:  "InvalidNextToken", // Amazon EC2 Auto Scaling API Reference, DescribeAutoScalingGroups: Errors
		Throttled: api.NewError(400, "Throttling", "Rate exceeded"),
		Buckets:   map[string]api.Bucket{"autoscaling": {Size: 100, Refill: 10}},
		BucketOf:  func(*api.Call) []string { return []string{"autoscaling"} },
	})
}

func failure(requestID string, e *api.Error) any {
	side := "Sender"
	if e.Status >= 500 {
		side = "Receiver"
	}
	return errorXML{Type: side, Code: e.Code, Message: e.Message, RequestID: requestID}
}

// terminateInstance ends a group's member, which is not replaced.
func (s *Groups) terminateInstance(c *api.Call) (any, *api.Error) {
	if err := c.Permit(iam.Everything); err != nil {
		return nil, err
	}
	s.terminate(c.Form.Get("InstanceId"))
	return terminateResponse{}, nil
}

// describe lists the groups of the names, and all groups if there is no name.
// Unknown names are just absent.
func (s *Groups) describe(c *api.Call) (any, *api.Error) {
	if err := c.Permit(iam.Everything); err != nil {
		return nil, err
	}
	size := defaultRecords
	if raw := c.Form.Get("MaxRecords"); raw != "" {
		n, err := strconv.Atoi(raw)
		if err != nil || n < 1 || n > maxRecords {
			return nil, api.NewError(400, "ValidationError", "The MaxRecords value must be between 1 and 100, inclusive.")
		}
		size = n
	}
	names := c.List("AutoScalingGroupNames.member")
	if len(names) > size {
		return nil, api.NewError(400, "ValidationError", "The number of group names exceeds the number of records in the answer.")
	}
	last, err := c.Resume()
	if err != nil {
		return nil, err
	}
	if c.Fault.EmptyPage {
		size = 0
	}
	var result describeGroupsResponse
	for _, name := range slices.Sorted(maps.Keys(s.groups)) {
		if name <= last || len(names) > 0 && !slices.Contains(names, name) {
			continue
		}
		if len(result.Groups) == size {
			result.NextToken = c.Token(last)
			break
		}
		result.Groups, last = append(result.Groups, s.groupToXML(s.groups[name])), name
	}
	return result, nil
}

func (s *Groups) groupToXML(g *group) groupXML {
	x := groupXML{
		Name: g.Name, ARN: g.arn, Max: 1000, Desired: len(g.members), Cooldown: 300, Check: "EC2",
		Created: api.Timestamp(g.created), Subnets: strings.Join(g.Subnets, ","),
	}
	for _, subnet := range g.Subnets {
		if _, zone := s.ec2.Place(subnet); zone != "" && !slices.Contains(x.Zones, zone) {
			x.Zones = append(x.Zones, zone)
		}
	}
	for _, id := range g.members {
		i, _ := s.ec2.Instance(id)
		x.Instances = append(x.Instances, groupInstanceXML{ID: id, Zone: i.Zone, State: "InService", Health: "Healthy"})
	}
	return x
}
