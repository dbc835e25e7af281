package handler

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/network-interface-releaser/network-interface-releaser/functions/release/eni"
)

// manualFields are the fields of a manual run's payload; all are optional. A new one is a row here.
var manualFields = map[string]func(*request, object, string) error{
	"dryRun":      func(r *request, o object, name string) error { return o.read(name, &r.dryRun) },
	"instanceIds": func(r *request, o object, name string) error { return ids(o, name, "i-", &r.scope.Instances) },
	"subnetIds":   func(r *request, o object, name string) error { return ids(o, name, "subnet-", &r.scope.Subnets) },
	"vpcIds":      func(r *request, o object, name string) error { return ids(o, name, "vpc-", &r.scope.VPCs) },
	"clusterNames": func(r *request, o object, name string) error {
		return list(o, name, &r.scope.Clusters, clusterName)
	},
	// Terraform adds this one to an aws_lambda_invocation of its CRUD life cycle.
	"tf": func(*request, object, string) error { return nil },
}

// decodeManual decodes an operator's payload: {} sweeps, IDs narrow the scope. Only "dryRun": false
// deletes: `sam local invoke` without an event sends {}, and runs with its user's credentials.
func decodeManual(fields object) (request, error) {
	decoded := request{trigger: eni.Manual, dryRun: true}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		decode, known := manualFields[name]
		if !known {
			return request{}, fmt.Errorf("the field %.80q is not known; %s", name, supported)
		}
		if err := decode(&decoded, fields, name); err != nil {
			return request{}, fmt.Errorf("the field %q %w", name, err)
		}
	}
	scope := decoded.scope
	decoded.scope.Sweep = len(scope.Instances)+len(scope.Subnets)+len(scope.VPCs) == 0
	return decoded, nil
}

// ids reads a list of IDs of one kind.
func ids(fields object, name, prefix string, into *[]string) error {
	return list(fields, name, into, func(id string) error {
		if !eni.ValidID(prefix, id) {
			return fmt.Errorf("holds %.80q: an ID there is %s followed by 8 or 17 hexadecimal digits", id, prefix)
		}
		return nil
	})
}

func clusterName(name string) error {
	if name == "" || strings.ContainsAny(name, "*?") {
		return fmt.Errorf("holds %.80q: a cluster's name is not empty and has no wildcard", name)
	}
	return nil
}

// list reads a list of texts. It refuses an empty list and null, which a script may have computed
// without meaning "everything".
func list(fields object, name string, into *[]string, check func(string) error) error {
	if err := fields.read(name, into); err != nil {
		return err
	}
	if len(*into) == 0 {
		return errors.New("is empty: list at least one, or omit the field")
	}
	for _, text := range *into {
		if err := check(text); err != nil {
			return err
		}
	}
	return nil
}
