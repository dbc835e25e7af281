package handler

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/network-interface-releaser/network-interface-releaser/functions/release/eni"
)

// manualFields are the fields of a manual run's payload; all are optional. A new one is a row here.
var manualFields = map[string]func(*request, json.RawMessage) error{
	"dryRun":      func(r *request, value json.RawMessage) error { return unmarshal(value, &r.dryRun) },
	"instanceIds": func(r *request, value json.RawMessage) error { return ids(value, "i-", &r.scope.Instances) },
	"subnetIds":   func(r *request, value json.RawMessage) error { return ids(value, "subnet-", &r.scope.Subnets) },
	"vpcIds":      func(r *request, value json.RawMessage) error { return ids(value, "vpc-", &r.scope.VPCs) },
}

// decodeManual decodes what an operator sends: {} sweeps, names narrow the scope to
// themselves. Only "dryRun": false makes the run delete, because `sam local invoke`
// without an event sends {}, and runs with its user's own credentials.
func decodeManual(fields map[string]json.RawMessage) (request, error) {
	decoded := request{trigger: eni.Manual, dryRun: true}
	decoded.scope.Sweep = true
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		decode, known := manualFields[name]
		if !known {
			return request{}, fmt.Errorf("the field %.80q is not known; %s", name, supported)
		}
		if err := decode(&decoded, fields[name]); err != nil {
			return request{}, fmt.Errorf("the field %q %w", name, err)
		}
		if name != "dryRun" {
			decoded.scope.Sweep = false
		}
	}
	return decoded, nil
}

// ids reads a list of IDs. It refuses an empty list and null: a script computed
// them, and did not mean "everything".
func ids(value json.RawMessage, prefix string, list *[]string) error {
	if err := unmarshal(value, list); err != nil {
		return err
	}
	if len(*list) == 0 {
		return errors.New("is empty: name something, or leave the field out")
	}
	for _, id := range *list {
		if !eni.ValidID(prefix, id) {
			return fmt.Errorf("holds %.80q: an id there is %s and 8 or 17 hexadecimal digits", id, prefix)
		}
	}
	return nil
}

func unmarshal[T bool | []string](value json.RawMessage, into *T) error {
	if string(value) == "null" {
		return errors.New("is null: give it a value, or leave it out")
	}
	if err := json.Unmarshal(value, into); err != nil {
		return fmt.Errorf("cannot be read: %w", err)
	}
	return nil
}
