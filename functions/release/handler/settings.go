package handler

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/caarlos0/env/v11"

	"github.com/network-interface-releaser/network-interface-releaser/functions/release/eni"
)

// Settings are environment variables. All that template.yaml sets are required, even those
// that may be empty: a variable that was removed must not widen what is released.
type Settings struct {
	AccountID          account `env:"ACCOUNT_ID,required,notEmpty"`
	DryRun             bool    `env:"DRY_RUN,required,notEmpty"`
	VPCIDs             vpcs    `env:"VPC_IDS,required"`
	ClusterNames       names   `env:"CLUSTER_NAMES,required"`
	ReleaseUntagged    bool    `env:"RELEASE_UNTAGGED,required,notEmpty"`
	GracePeriodMinutes grace   `env:"GRACE_PERIOD_MINUTES,required,notEmpty"`
	DeletesPerMinute   deletes `env:"DELETES_PER_MINUTE,required,notEmpty"`
	Metrics            bool    `env:"METRICS,required,notEmpty"` // true where alarms or a dashboard read them
	Local              bool    `env:"AWS_SAM_LOCAL"`             // set by the SAM CLI
}

const (
	// minGracePeriod exceeds the 6 minutes in which the CNI may still attach what it created
	// plus the 15 by which a node's clock may be off (docs/rule.md).
	minGracePeriod = 22
	// maxGracePeriod is a day: from then on an interface under a running owner is released, too.
	maxGracePeriod = 24 * 60
	// maxDeletesPerMinute is half of EC2's 5 a second (EC2 API Reference, "Request throttling").
	maxDeletesPerMinute = 150
)

// ParseSettings reads the settings from environment variables. Its error lists all that are
// missing or invalid.
func ParseSettings(environment map[string]string) (Settings, error) {
	var s Settings
	if err := byVariable(env.ParseWithOptions(&s, env.Options{Environment: environment})); err != nil {
		return Settings{}, fmt.Errorf("invalid settings (environment variables, set from the template's parameters):\n%w", err)
	}
	return s, nil
}

func (s Settings) rule() eni.Rule {
	return eni.Rule{
		Account:         string(s.AccountID),
		VPCs:            s.VPCIDs,
		Clusters:        s.ClusterNames,
		ReleaseUntagged: s.ReleaseUntagged,
		GracePeriod:     time.Duration(s.GracePeriodMinutes) * time.Minute,
	}
}

// byVariable replaces the parser's errors by ones that name the variable.
func byVariable(err error) error {
	var all env.AggregateError
	if !errors.As(err, &all) {
		return err
	}
	named := make([]error, 0, len(all.Errors))
	for _, each := range all.Errors {
		var unset env.VarIsNotSetError
		var empty env.EmptyVarError
		var wrong env.ParseError
		switch {
		case errors.As(each, &unset):
			each = fmt.Errorf("%s is not set: the template always sets it, to an empty string where its parameter is empty", unset.Key)
		case errors.As(each, &empty):
			each = fmt.Errorf("%s is empty: it must have a value", empty.Key)
		case errors.As(each, &wrong):
			each = fmt.Errorf("%s: %w", variable(wrong.Name), wrong.Err)
		}
		named = append(named, each)
	}
	return errors.Join(named...)
}

// variable returns the environment variable of a field of Settings.
func variable(field string) string {
	f, _ := reflect.TypeFor[Settings]().FieldByName(field)
	name, _, _ := strings.Cut(f.Tag.Get("env"), ",")
	return name
}

// The types of the settings, each of which validates its value.
type (
	account string   // 12 digits
	names   []string // separated by commas; an empty string is an empty list
	vpcs    []string // VPC IDs, separated by commas
	grace   int      // minutes
	deletes int      // a minute
)

var twelveDigits = regexp.MustCompile(`^\d{12}$`)

func (a *account) UnmarshalText(text []byte) error {
	if !twelveDigits.Match(text) {
		return fmt.Errorf("%q is not an account ID: it must be 12 digits", text)
	}
	*a = account(text)
	return nil
}

func (n *names) UnmarshalText(text []byte) error {
	for name := range strings.SplitSeq(string(text), ",") {
		if name = strings.TrimSpace(name); name == "" {
			return fmt.Errorf("%q holds an empty value: separate values by single commas, or leave the setting empty", text)
		}
		*n = append(*n, name)
	}
	return nil
}

func (v *vpcs) UnmarshalText(text []byte) error {
	if err := (*names)(v).UnmarshalText(text); err != nil {
		return err
	}
	for _, id := range *v {
		if !eni.ValidID("vpc-", id) {
			return fmt.Errorf("%q is not a VPC ID: it must be vpc- followed by 8 or 17 hexadecimal digits", id)
		}
	}
	return nil
}

func (g *grace) UnmarshalText(text []byte) error {
	return parseWithin((*int)(g), text, minGracePeriod, maxGracePeriod)
}

func (d *deletes) UnmarshalText(text []byte) error {
	return parseWithin((*int)(d), text, 1, maxDeletesPerMinute)
}

func parseWithin(n *int, text []byte, least, most int) error {
	value, err := strconv.Atoi(string(text))
	if err != nil || value < least || value > most {
		return fmt.Errorf("%q must be a whole number from %d to %d", text, least, most)
	}
	*n = value
	return nil
}
