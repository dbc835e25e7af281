package performance

import (
	"runtime"
	"strings"
	"testing"
)

// maxResident is what a sweep of 10,000 interfaces may have in memory, in bytes.
const maxResident = 32e6

// The binary that ships, in a dry sweep of 10,000 leaked interfaces.
func TestTenThousandInterfacesFit(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("what ships runs on Linux only")
	}
	p := launch(t, leaking(t, 10000), map[string]string{"DRY_RUN": "true"}, build(t, architecture))
	if answer := p.invoke(t, sweepEvent); !strings.Contains(answer, `"released":10000,`) {
		t.Fatal(answer)
	}
	resident := p.resident(t)
	t.Logf("%.1f MB resident", resident/1e6)
	if resident > maxResident {
		t.Errorf("%.1f MB resident, more than %.0f", resident/1e6, maxResident/1e6)
	}
}
