package main

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

var example = view{
	at:      12300 * time.Millisecond,
	subnets: []subnetView{{"a", 251, 90, 26}, {"b", 251, 0, 251}, {"c", 251, 251, 0}},
	inUse:   52, open: 17, held: 268, mustStay: 9, given: 3, back: 45,
}

func shows(t *testing.T, text string, wants ...string) {
	t.Helper()
	for _, want := range wants {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
}

func TestThePictureOnATerminal(t *testing.T) {
	var out strings.Builder
	s := &screen{out: &out, live: true, colour: true}
	for range 2 * lastLines {
		s.say(time.Second, "something")
	}
	s.say(2*time.Second, "the last thing")
	s.draw(example)
	s.draw(example)
	s.end()
	shows(t, out.String(), "26", "52 in use", "17 abandoned (268 addresses)", "9 available but kept",
		"3 interfaces, 45 addresses", "12 s", "the last thing", "\x1b[31m", "\x1b[?25l", "\x1b[?25h")
	if count := strings.Count(out.String(), "the last thing"); count != 2 {
		t.Errorf("the picture was drawn %d times", count)
	}
}

func TestThePictureWithoutColour(t *testing.T) {
	s := &screen{live: true}
	for _, l := range s.picture(example) {
		if strings.Contains(l, "\x1b") || utf8.RuneCountInString(l) > 100 {
			t.Errorf("%q", l)
		}
	}
}

// A bar is always as wide as the others, whatever the rounding.
func TestBars(t *testing.T) {
	s := &screen{}
	for free := range 252 {
		for held := range 252 - free {
			if bar := s.bar(subnetView{"a", 251, held, free}); utf8.RuneCountInString(bar) != barWidth {
				t.Fatalf("%d free, %d held: %q", free, held, bar)
			}
		}
	}
}

func TestPlainLines(t *testing.T) {
	var out strings.Builder
	s := &screen{out: &out, told: -plainPace}
	s.say(time.Second, "something")
	for range 10 {
		s.draw(example)
	}
	s.end()
	shows(t, out.String(), "1.0 s  something", "a 26, b 251, c 0", "held by 17 abandoned: 268", "given back by 3: 45")
	if strings.Contains(out.String(), "\x1b") || strings.Count(out.String(), "free addresses: ") != 1 {
		t.Errorf("plain lines are few and have no escapes:\n%s", out.String())
	}
}
