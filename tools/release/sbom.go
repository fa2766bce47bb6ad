package main

import (
	"encoding/json"
	"fmt"
	"time"
)

// The parts of an SPDX 2.3 document that it fills in (https://spdx.github.io/spdx-spec/v2.3).
type (
	spdxDocument struct {
		Version       string             `json:"spdxVersion"`
		DataLicense   string             `json:"dataLicense"`
		ID            string             `json:"SPDXID"`
		Name          string             `json:"name"`
		Namespace     string             `json:"documentNamespace"`
		Creation      spdxCreation       `json:"creationInfo"`
		Packages      []spdxPackage      `json:"packages"`
		Relationships []spdxRelationship `json:"relationships"`
		Licenses      []spdxLicense      `json:"hasExtractedLicensingInfos,omitempty"`
	}
	spdxCreation struct {
		Created  string   `json:"created"`
		Creators []string `json:"creators"`
	}
	spdxPackage struct {
		Name          string    `json:"name"`
		ID            string    `json:"SPDXID"`
		Version       string    `json:"versionInfo,omitempty"`
		Location      string    `json:"downloadLocation"`
		FilesAnalyzed bool      `json:"filesAnalyzed"`
		SourceInfo    string    `json:"sourceInfo,omitempty"`
		Concluded     string    `json:"licenseConcluded"`
		Declared      string    `json:"licenseDeclared"`
		Copyright     string    `json:"copyrightText"`
		References    []spdxRef `json:"externalRefs,omitempty"`
	}
	spdxRef struct {
		Category string `json:"referenceCategory"`
		Type     string `json:"referenceType"`
		Locator  string `json:"referenceLocator"`
	}
	spdxRelationship struct {
		From string `json:"spdxElementId"`
		Type string `json:"relationshipType"`
		To   string `json:"relatedSpdxElement"`
	}
	spdxLicense struct {
		ID   string `json:"licenseId"`
		Text string `json:"extractedText"`
	}
)

// spdx returns the list of a program's parts: module, version, sum as in go.sum, license.
func spdx(b binary, all []part) ([]byte, error) {
	const document, none = "SPDXRef-DOCUMENT", "NOASSERTION"
	name := "marr-" + b.number() + "-" + b.target
	d := spdxDocument{
		Version: "SPDX-2.3", DataLicense: "CC0-1.0", ID: document, Name: name,
		Namespace: "https://" + b.info.Main.Path + "/releases/" + b.version() + "/" + name + ".spdx.json",
		Creation:  spdxCreation{b.time.UTC().Format(time.RFC3339), []string{"Tool: " + b.info.Main.Path + "/tools/release"}},
	}
	own := ""
	for i, m := range all {
		p := spdxPackage{
			Name: m.path, ID: fmt.Sprintf("SPDXRef-%d", i), Version: m.version, Location: none, Concluded: none, Declared: m.expression, Copyright: none,
		}
		if m.version != "" {
			p.References = []spdxRef{{"PACKAGE-MANAGER", "purl", "pkg:golang/" + m.path + "@" + m.version}}
		}
		switch {
		case m.path == b.info.Main.Path:
			own, p.SourceInfo = p.ID, "commit "+b.setting("vcs.revision")
		case m.sum != "":
			p.SourceInfo = "go.sum: " + m.sum
		}
		d.Packages = append(d.Packages, p)
		if m.expression == gorgonia {
			d.Licenses = append(d.Licenses, spdxLicense{gorgonia, string(m.texts["LICENCE"])})
		}
	}
	d.Relationships = append(d.Relationships, spdxRelationship{document, "DESCRIBES", own})
	for _, p := range d.Packages {
		if p.ID != own {
			d.Relationships = append(d.Relationships, spdxRelationship{own, "DEPENDS_ON", p.ID})
		}
	}
	text, err := json.MarshalIndent(d, "", "  ")
	return append(text, '\n'), err
}
