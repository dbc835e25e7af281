package ec2

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"maps"
	"slices"

	"github.com/network-interface-releaser/network-interface-releaser/infra/simulator/api"
)

// The answers of EC2 as XML, element by element as in the EC2 API Reference,
// version 2016-11-15. The root's name and namespace come from envelope.

const namespace = "http://ec2.amazonaws.com/doc/2016-11-15/"

type describeNetworkInterfacesResponse struct {
	Interfaces []interfaceXML `xml:"networkInterfaceSet>item"`
	NextToken  string         `xml:"nextToken,omitempty"`
}

type describeInstancesResponse struct {
	Reservations []reservationXML `xml:"reservationSet>item"`
	NextToken    string           `xml:"nextToken,omitempty"`
}

type describeSubnetsResponse struct {
	Subnets   []subnet `xml:"subnetSet>item"`
	NextToken string   `xml:"nextToken,omitempty"`
}

type CreateNetworkInterfaceResponse struct {
	Interface interfaceXML `xml:"networkInterface"`
}

type AttachNetworkInterfaceResponse struct {
	AttachmentID string `xml:"attachmentId"`
}

// done is the answer to a write that returns nothing else.
type done struct {
	Return bool `xml:"return"`
}

// An interfaceXML has the elements of an [Interface], and those that it is to be written as.
type interfaceXML struct {
	Interface
	Operator        operatorXML  `xml:"operator"`
	PrivateIP       string       `xml:"privateIpAddress,omitempty"`
	SourceDestCheck bool         `xml:"sourceDestCheck"`
	Association     *Association `xml:"association"`
	Prefixes        []prefixXML  `xml:"ipv4PrefixSet>item"`
	Tags            []tagXML     `xml:"tagSet>item"`
}

type operatorXML struct {
	Managed   bool   `xml:"managed"`
	Principal string `xml:"principal,omitempty"`
}

type prefixXML struct {
	Prefix string `xml:"ipv4Prefix"`
}

type tagXML struct {
	Key   string `xml:"key"`
	Value string `xml:"value"`
}

type reservationXML struct {
	ID        string        `xml:"reservationId"`
	Owner     string        `xml:"ownerId"`
	Instances []instanceXML `xml:"instancesSet>item"`
}

type instanceXML struct {
	Instance
	StateCode int         `xml:"instanceState>code"`
	State     string      `xml:"instanceState>name"`
	Launched  string      `xml:"launchTime"`
	Reason    string      `xml:"reason,omitempty"`
	Operator  operatorXML `xml:"operator"`
	Tags      []tagXML    `xml:"tagSet>item"`
}

type envelopeXML struct {
	XMLName   xml.Name
	RequestID string `xml:"requestId"`
	Elements  []byte `xml:",innerxml"`
}

type errorsXML struct {
	XMLName   xml.Name `xml:"Response"`
	Code      string   `xml:"Errors>Error>Code"`
	Message   string   `xml:"Errors>Error>Message"`
	RequestID string   `xml:"RequestID"`
}

// envelope puts a result into the element that has the action's name.
func envelope(action, requestID string, result any) any {
	var out bytes.Buffer
	if err := xml.NewEncoder(&out).EncodeElement(result, xml.StartElement{Name: xml.Name{Local: "r"}}); err != nil {
		panic("simulator: writing a result: " + err.Error())
	}
	inside := bytes.TrimSuffix(bytes.TrimPrefix(out.Bytes(), []byte("<r>")), []byte("</r>"))
	return envelopeXML{xml.Name{Space: namespace, Local: action + "Response"}, requestID, inside}
}

func refusal(requestID string, e *api.Error) any {
	return errorsXML{Code: e.Code, Message: e.Message, RequestID: requestID}
}

func interfaceToXML(eni Interface) interfaceXML {
	x := interfaceXML{
		Interface: eni, Operator: operatorXML{eni.Operator != "", eni.Operator}, SourceDestCheck: true, Tags: tagsToXML(eni.Tags),
		PrivateIP: eni.Addresses[0].Private, Association: eni.Addresses[0].Association,
	}
	for _, p := range eni.Prefixes {
		x.Prefixes = append(x.Prefixes, prefixXML{p})
	}
	return x
}

// stateCodes are InstanceState's, of the EC2 API Reference.
var stateCodes = map[string]int{"pending": 0, "running": 16, "shutting-down": 32, "terminated": 48, "stopping": 64, "stopped": 80}

func instanceToXML(i Instance) instanceXML {
	i = i.shown()
	x := instanceXML{
		Instance: i, StateCode: stateCodes[i.State], State: i.State, Launched: api.Timestamp(i.LaunchedAt),
		Operator: operatorXML{i.Operator != "", i.Operator}, Tags: tagsToXML(i.Tags),
	}
	if i.State == "terminated" {
		x.Reason = fmt.Sprintf("User initiated (%s)", i.TerminatedAt.UTC().Format("2006-01-02 15:04:05 GMT"))
	}
	return x
}

func tagsToXML(tags map[string]string) []tagXML {
	var all []tagXML
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		all = append(all, tagXML{key, tags[key]})
	}
	return all
}
