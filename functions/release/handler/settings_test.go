package handler

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/network-interface-releaser/network-interface-releaser/functions/release/eni"
)

// defaults returns the settings of the template's defaults.
func defaults() map[string]string {
	return map[string]string{
		"ACCOUNT_ID": "123456789012", "DRY_RUN": "false", "VPC_IDS": "", "CLUSTER_NAMES": "",
		"RELEASE_UNTAGGED": "false", "GRACE_PERIOD_MINUTES": "30", "DELETES_PER_MINUTE": "60", "METRICS": "false",
	}
}

func TestSettings(t *testing.T) {
	environment := defaults()
	environment["VPC_IDS"], environment["CLUSTER_NAMES"] = "vpc-12345678, vpc-0123456789abcdef0", "blue,green"
	environment["RELEASE_UNTAGGED"] = "true"
	s, err := ParseSettings(environment)
	want := eni.Rule{
		Account: "123456789012", VPCs: []string{"vpc-12345678", "vpc-0123456789abcdef0"}, Clusters: []string{"blue", "green"},
		ReleaseUntagged: true, GracePeriod: 30 * time.Minute,
	}
	if err != nil || s.DryRun || s.DeletesPerMinute != 60 || !reflect.DeepEqual(s.rule(), want) {
		t.Errorf("%+v, %v", s, err)
	}
}

func TestEachInvalidSettingIsNamed(t *testing.T) {
	for _, c := range []struct{ name, value, want string }{
		{"ACCOUNT_ID", "", "ACCOUNT_ID is empty"},
		{"ACCOUNT_ID", "1234", `ACCOUNT_ID: "1234" is not an account ID`},
		{"ACCOUNT_ID", "1234567890123", "ACCOUNT_ID: "},
		{"ACCOUNT_ID", "a123456789012", "ACCOUNT_ID: "},
		{"DRY_RUN", "", "DRY_RUN is empty"},
		{"DRY_RUN", "maybe", `DRY_RUN: `},
		{"VPC_IDS", ",", `VPC_IDS: "," holds an empty value`},
		{"VPC_IDS", " ", `VPC_IDS: " " holds an empty value`},
		{"VPC_IDS", "vpc-12345678,", "VPC_IDS: "},
		{"VPC_IDS", "subnet-12345678", `VPC_IDS: "subnet-12345678" is not a VPC ID`},
		{"CLUSTER_NAMES", ",,", "CLUSTER_NAMES: "},
		{"RELEASE_UNTAGGED", "yes", "RELEASE_UNTAGGED: "},
		{"GRACE_PERIOD_MINUTES", "0", "GRACE_PERIOD_MINUTES: \"0\" must be a whole number from 22 to 1440"},
		{"GRACE_PERIOD_MINUTES", "21", "GRACE_PERIOD_MINUTES: "},
		{"GRACE_PERIOD_MINUTES", "1441", "GRACE_PERIOD_MINUTES: "},
		{"GRACE_PERIOD_MINUTES", "30m", "GRACE_PERIOD_MINUTES: "},
		{"GRACE_PERIOD_MINUTES", "", "GRACE_PERIOD_MINUTES is empty"},
		{"DELETES_PER_MINUTE", "0", "DELETES_PER_MINUTE: "},
		{"DELETES_PER_MINUTE", "-1", "DELETES_PER_MINUTE: "},
		{"DELETES_PER_MINUTE", "151", "DELETES_PER_MINUTE: "},
		{"METRICS", "", "METRICS is empty"},
	} {
		t.Run(c.name+"="+c.value, func(t *testing.T) {
			environment := defaults()
			environment[c.name] = c.value
			if s, err := ParseSettings(environment); err == nil || !strings.Contains(err.Error(), c.want) || strings.Count(err.Error(), "\n") != 1 {
				t.Errorf("%+v, %v; want one error with %s", s, err, c.want)
			}
		})
	}
}

func TestAllInvalidSettingsAreNamedAtOnce(t *testing.T) {
	invalid := defaults()
	for name := range invalid {
		invalid[name] = "?,"
	}
	for problem, environment := range map[string]map[string]string{" is not set": {}, ": ": invalid} {
		_, err := ParseSettings(environment)
		for name := range invalid {
			if err == nil || !strings.Contains(err.Error(), name+problem) {
				t.Errorf("%s is not named by: %v", name, err)
			}
		}
	}
}
