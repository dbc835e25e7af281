package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

func (a *acceptance) deployDry() error {
	// No sweep in between: what happens, happens by hand and by events.
	return a.deploy("DryRun=true", `ScheduleExpression="rate(1 day)"`, "VpcIds="+a.vpcs[0])
}

// lookByHand holds the decision and the reason of each interface against kinds.
func (a *acceptance) lookByHand() error {
	r, err := a.invoke(`{"subnetIds":["` + strings.Join(a.nets, `","`) + `"]}`)
	if err != nil {
		return err
	}
	got := map[string]string{}
	for _, line := range r.Interfaces {
		got[line.ID] = line.Decision + " " + line.Reason
	}
	var wrong []error
	for _, kind := range kinds {
		id, want := a.made[kind.name], kind.decision+" "+kind.reason
		if got[id] != want {
			wrong = append(wrong, fmt.Errorf("%s (%s) is %q, want %q", id, kind.name, got[id], want))
		}
		a.say("%s: %s: %s", id, kind.name, got[id])
	}
	return errors.Join(wrong...)
}

// expectThere holds what still exists against what must.
func (a *acceptance) expectThere(released ...string) error {
	there, err := a.there()
	if err != nil {
		return err
	}
	for _, kind := range kinds {
		if there[kind.name] == slices.Contains(released, kind.name) {
			return fmt.Errorf("%s (%s) exists: %t", a.made[kind.name], kind.name, there[kind.name])
		}
	}
	a.say("%d of %d interfaces are there, as they must be", len(kinds)-len(released), len(kinds))
	return nil
}

func (a *acceptance) eventInDryStack() error {
	if err := a.terminated(goneNode); err != nil {
		return err
	}
	if err := a.until("the log has the event's run, a dry one", 5*time.Minute, func() (bool, error) {
		return a.logged(`"trigger":"event","dryRun":true`)
	}); err != nil {
		return err
	}
	return a.expectThere()
}

func (a *acceptance) flip() error {
	if err := a.deploy("DryRun=false"); err != nil {
		return err
	}
	told := time.Now()
	if err := a.terminated(goneNode); err != nil {
		return err
	}
	err := a.until("what is leaked is released", 3*time.Minute, func() (bool, error) {
		there, err := a.there()
		return !slices.ContainsFunc(toRelease(), func(name string) bool { return there[name] }), err
	})
	if err != nil {
		return err
	}
	if took := time.Since(told); a.emulated() && took < time.Minute { // by the rule, so after the queue's delay
		return fmt.Errorf("it was released after %v, before the queue's delay was over", took)
	}
	for _, name := range toRelease() {
		if err := a.until("the log has the release of "+a.made[name], time.Minute, func() (bool, error) {
			return a.logged(`"message":"released"`, `"interface":"`+a.made[name]+`"`)
		}); err != nil {
			return err
		}
	}
	return a.expectThere(toRelease()...)
}

// badUpdate gives a parameter that the template refuses, and what CloudFormation must roll back.
func (a *acceptance) badUpdate() error {
	before, err := a.outputs(a.stack.name)
	if err != nil {
		return err
	}
	switch err := a.deploy("GracePeriodMinutes=5"); {
	case err == nil && !a.emulated():
		return errors.New("CloudFormation takes a grace period of 5 minutes")
	case err == nil:
		a.missing("that CloudFormation refuses a grace period of 5 minutes", "cfn-lint holds the template's MinValue; the function refuses it, too: TestE2ELocalMistakes")
		if _, err := a.invoke(`{}`); err == nil {
			return errors.New("the function runs with a grace period of 5 minutes")
		}
		a.say("but the function itself refuses to start with it")
		if err := a.deploy("GracePeriodMinutes=30"); err != nil {
			return err
		}
	case !strings.Contains(err.Error(), "GracePeriodMinutes"):
		return fmt.Errorf("a grace period of 5 minutes fails for another reason: %w", err)
	default:
		a.say("refused: a grace period of 5 minutes")
	}
	switch err := a.deploy("PermissionsBoundaryArn=arn:aws:iam::" + a.account + ":policy/there-is-none-" + a.id); {
	case err == nil && !a.emulated():
		return errors.New("CloudFormation takes a permissions boundary that is not there")
	case err == nil:
		a.missing("that CloudFormation rolls an update back", "nothing but AWS")
		if err := a.deploy(`PermissionsBoundaryArn=""`); err != nil {
			return err
		}
	default:
		a.say("rolled back: a permissions boundary that is not there")
	}
	after, err := a.outputs(a.stack.name)
	if err != nil || !maps.Equal(before, after) {
		return fmt.Errorf("the stack has changed: %v, %w", after, err)
	}
	_, err = a.invoke(`{}`)
	return err
}

func (a *acceptance) pause() error {
	rule, err := a.resource("TerminateEventsRule")
	if err != nil {
		return err
	}
	for _, state := range []string{"DISABLED", "ENABLED"} {
		if err := a.deploy("TerminateEvents=" + state); err != nil {
			return err
		}
		var answer struct{ State string }
		if err := a.aws.Call("events", "describe_rule", map[string]any{"Name": rule}, &answer); err != nil {
			return err
		}
		if answer.State != state {
			return fmt.Errorf("the rule %s is %s, not %s", rule, answer.State, state)
		}
		a.say("the rule is %s", state)
	}
	return nil
}
