package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"
	"unicode/utf8"
)

const (
	barWidth  = 56
	lastLines = 9
	plainPace = 5 * time.Second // between two lines of numbers, where no picture is drawn
)

// A screen shows the scene: as a picture that is drawn anew in place on a
// terminal, as lines elsewhere.
type screen struct {
	out    io.Writer
	live   bool // a terminal
	colour bool
	ticker []string
	drawn  int // lines of the picture on the terminal
	view   view
	told   time.Duration // when plain lines last had the numbers
}

func newScreen(out *os.File, plain bool) *screen {
	info, err := out.Stat()
	live := err == nil && info.Mode()&os.ModeCharDevice != 0 && os.Getenv("TERM") != "dumb" && !plain
	return &screen{out: out, live: live, colour: live && os.Getenv("NO_COLOR") == "", told: -plainPace}
}

// print writes lines that stay.
func (s *screen) print(lines ...string) {
	_, _ = io.WriteString(s.out, strings.Join(lines, "\n")+"\n")
}

// wait says that something takes time, until the function that it returns is called.
func (s *screen) wait(what string) (done func()) {
	start, ended, over := time.Now(), make(chan struct{}), make(chan struct{})
	if !s.live {
		s.print(what + " ...")
	}
	go func() {
		defer close(over)
		for s.live {
			_, _ = fmt.Fprintf(s.out, "\r%s ... %.0f s", what, time.Since(start).Seconds())
			select {
			case <-ended:
				_, _ = io.WriteString(s.out, "\r\x1b[K")
				return
			case <-time.After(time.Second):
			}
		}
	}()
	return func() {
		close(ended)
		<-over
		s.print(fmt.Sprintf("Compiled in %.0f s.", time.Since(start).Seconds()), "")
	}
}

// say tells of one thing that happened.
func (s *screen) say(at time.Duration, what string) {
	text := fmt.Sprintf("%5.1f s  %s", at.Seconds(), what)
	if !s.live {
		s.print(text)
		return
	}
	s.ticker = append(s.ticker, text)
	s.ticker = s.ticker[max(0, len(s.ticker)-lastLines):]
}

// draw shows the numbers of the moment.
func (s *screen) draw(v view) {
	s.view = v
	switch {
	case s.live:
		s.redraw(s.picture(v))
	case v.at-s.told >= plainPace:
		s.told = v.at
		s.print(fmt.Sprintf("%5.1f s  %s", v.at.Seconds(), summary(v)))
	}
}

// redraw writes a picture over the last one. The cursor is hidden, and long lines are cut.
func (s *screen) redraw(lines []string) {
	var out strings.Builder
	if s.drawn == 0 {
		out.WriteString("\x1b[?25l\x1b[?7l")
	} else {
		fmt.Fprintf(&out, "\x1b[%dA", s.drawn)
	}
	for _, l := range lines {
		out.WriteString("\r" + l + "\x1b[K\n")
	}
	s.drawn = len(lines)
	_, _ = io.WriteString(s.out, out.String())
}

// end leaves the terminal as it was, with the last picture on it.
func (s *screen) end() {
	if s.drawn > 0 {
		_, _ = io.WriteString(s.out, "\x1b[?25h\x1b[?7h")
	}
	s.drawn = 0
	s.print("")
}

// picture is the numbers as bars, and the last things that happened.
func (s *screen) picture(v view) []string {
	lines := []string{fmt.Sprintf("%s  %s in use  %s held by abandoned interfaces  %s free", s.bold("Addresses"), s.used("█"), s.warn("▒"), s.good("·"))}
	for _, n := range v.subnets {
		lines = append(lines, fmt.Sprintf("  subnet %s  %s  %s free", n.name, s.bar(n), s.good(fmt.Sprintf("%3d", n.free))))
	}
	lines = append(lines, "",
		fmt.Sprintf("%s  %d in use, %s, %d available but kept",
			s.bold("Interfaces"), v.inUse, s.warn(fmt.Sprintf("%d abandoned (%d addresses)", v.open, v.held)), v.mustStay),
		fmt.Sprintf("%s  %s", s.bold("Given back"), s.good(fmt.Sprintf("%d interfaces, %d addresses", v.given, v.back))),
		"", fmt.Sprintf("%s %.0f s", s.bold("What happens, at"), v.at.Seconds()))
	for i := range lastLines {
		text := ""
		if i < len(s.ticker) {
			text = s.ticker[i]
		}
		lines = append(lines, text)
	}
	return lines
}

// bar is a subnet's addresses: those in use, those held for nothing, those free.
func (s *screen) bar(n subnetView) string {
	part := func(addresses int) int { return (addresses*barWidth + n.size/2) / n.size }
	free := part(n.free)
	held := min(part(n.held), barWidth-free)
	return s.used(strings.Repeat("█", barWidth-held-free)) + s.warn(strings.Repeat("▒", held)) + s.good(strings.Repeat("·", free))
}

// summary is the numbers as one line.
func summary(v view) string {
	var free []string
	for _, n := range v.subnets {
		free = append(free, fmt.Sprintf("%s %d", n.name, n.free))
	}
	return fmt.Sprintf("free addresses: %s; held by %d abandoned: %d; given back by %d: %d",
		strings.Join(free, ", "), v.open, v.held, v.given, v.back)
}

func (s *screen) bold(text string) string { return s.paint("1", text) }
func (s *screen) good(text string) string { return s.paint("32", text) }
func (s *screen) warn(text string) string { return s.paint("31", text) }
func (s *screen) used(text string) string { return s.paint("34", text) }

func (s *screen) paint(code, text string) string {
	if !s.colour || utf8.RuneCountInString(text) == 0 {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}
