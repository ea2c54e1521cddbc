package registry

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// BenchmarkVerify is what every command does before it runs a plugin of 20 MB: one program, or as a thousand files.
func BenchmarkVerify(b *testing.B) {
	for _, n := range []int{1, 1000} {
		b.Run(fmt.Sprintf("%d files", n), func(b *testing.B) {
			w, s := newWorld(b), newSite(b)
			f := plugin("greeting", "0.1.0")
			for i := range n {
				f[fmt.Sprintf("lib/%d", i)] = string(noise(20 << 20 / n))
			}
			s.files["x.zip"] = zipped(b, f)
			w.init(Wish{Name: "greeting", Source: s.URL + "/x.zip"})
			b.SetBytes(20 << 20)
			b.ResetTimer()
			for range b.N {
				if _, err := Installed(b.Context(), w.Options); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkInitAgain is an init that has nothing to do, of four plugins of 5 MB.
func BenchmarkInitAgain(b *testing.B) {
	w := newWorld(b)
	var wishes []Wish
	for _, name := range []string{"a", "b", "c", "d"} {
		file := filepath.Join(w.Dir, name+".zip")
		if err := os.WriteFile(file, zipped(b, plugin(name, "0.1.0").with("big", string(noise(5<<20)))), 0o644); err != nil {
			b.Fatal(err)
		}
		wishes = append(wishes, Wish{Name: name, Source: "./" + name + ".zip"})
	}
	w.init(wishes...)
	for b.Loop() {
		if w.init(wishes...).Changed() {
			b.Fatal("it did something")
		}
	}
}
