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

// decodeManual decodes an operator's payload: {} sweeps, IDs narrow the scope. Only "dryRun": false
// deletes: `sam local invoke` without an event sends {}, and runs with its user's credentials.
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

// ids reads a list of IDs. It refuses an empty list and null, which a script may have computed
// without meaning "everything".
func ids(value json.RawMessage, prefix string, list *[]string) error {
	if err := unmarshal(value, list); err != nil {
		return err
	}
	if len(*list) == 0 {
		return errors.New("is empty: list at least one ID, or omit the field")
	}
	for _, id := range *list {
		if !eni.ValidID(prefix, id) {
			return fmt.Errorf("holds %.80q: an ID there is %s followed by 8 or 17 hexadecimal digits", id, prefix)
		}
	}
	return nil
}

func unmarshal[T bool | []string](value json.RawMessage, into *T) error {
	if string(value) == "null" {
		return errors.New("is null: set a value, or omit the field")
	}
	if err := json.Unmarshal(value, into); err != nil {
		return fmt.Errorf("cannot be read: %w", err)
	}
	return nil
}
