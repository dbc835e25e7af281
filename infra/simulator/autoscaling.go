package simulator

import (
	"encoding/xml"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// MaxRecords' default and highest value. As many names may a call have (Amazon EC2
// Auto Scaling API Reference, DescribeAutoScalingGroups).
const defaultRecords, maxRecords = 50, 100

type describeAutoScalingGroupsResult struct {
	XMLName   xml.Name   `xml:"DescribeAutoScalingGroupsResult"`
	Groups    []groupXML `xml:"AutoScalingGroups>member"`
	NextToken string     `xml:"NextToken,omitempty"`
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

type describeAutoScalingGroupsResponse struct {
	XMLName   xml.Name `xml:"http://autoscaling.amazonaws.com/doc/2011-01-01/ DescribeAutoScalingGroupsResponse"`
	Result    describeAutoScalingGroupsResult
	RequestID string `xml:"ResponseMetadata>RequestId"`
}

type autoScalingErrorXML struct {
	XMLName   xml.Name `xml:"http://autoscaling.amazonaws.com/doc/2011-01-01/ ErrorResponse"`
	Type      string   `xml:"Error>Type"`
	Code      string   `xml:"Error>Code"`
	Message   string   `xml:"Error>Message"`
	RequestID string   `xml:"RequestId"`
}

// describeAutoScalingGroups lists the groups of the names, and all groups if there
// is no name. Unknown names are just absent.
func (w *World) describeAutoScalingGroups(c *Call, f Fault) (any, *Error) {
	if err := w.permit(c, everything); err != nil {
		return nil, err
	}
	size := defaultRecords
	if raw := c.Form.Get("MaxRecords"); raw != "" {
		n, err := strconv.Atoi(raw)
		if err != nil || n < 1 || n > maxRecords {
			return nil, &Error{400, "ValidationError", "The MaxRecords value must be between 1 and 100, inclusive."}
		}
		size = n
	}
	names := list(c.Form, "AutoScalingGroupNames.member")
	if len(names) > size {
		return nil, &Error{400, "ValidationError", "The number of group names exceeds the number of records in the answer."}
	}
	last, err := resume(c)
	if err != nil {
		return nil, err
	}
	if f.EmptyPage {
		size = 0
	}
	var result describeAutoScalingGroupsResult
	for _, name := range slices.Sorted(maps.Keys(w.groups)) {
		if name <= last || len(names) > 0 && !slices.Contains(names, name) {
			continue
		}
		if len(result.Groups) == size {
			result.NextToken = w.token(c, last)
			break
		}
		result.Groups, last = append(result.Groups, w.groupToXML(w.groups[name])), name
	}
	return result, nil
}

func (w *World) groupToXML(g *group) groupXML {
	x := groupXML{
		Name: g.Name, ARN: g.arn, Max: 1000, Desired: len(g.members), Cooldown: 300, Check: "EC2",
		Created: timestamp(g.created), Subnets: strings.Join(g.Subnets, ","),
	}
	for _, id := range g.Subnets {
		if s, ok := w.subnets[id]; ok && !slices.Contains(x.Zones, s.zone) {
			x.Zones = append(x.Zones, s.zone)
		}
	}
	for _, id := range g.members {
		i := w.instances.rows[id]
		x.Instances = append(x.Instances, groupInstanceXML{ID: id, Zone: i.Zone, State: "InService", Health: "Healthy"})
	}
	return x
}
