package workflow

// The actions that workflows use, each at the commit of a release. Whoever changes one compares the commit with what
// `git ls-remote https://github.com/OWNER/NAME refs/tags/TAG` says.
func checkout() pinned {
	return pinned{"actions/checkout", "de0fac2e4500dabe0009e67214ff5f5447ce83dd", "v6.0.2"}
}
func setupGo() pinned {
	return pinned{"actions/setup-go", "7a3fe6cf4cb3a834922a1244abfce67bcef6a0c5", "v6.2.0"}
}
func setupNode() pinned {
	return pinned{"actions/setup-node", "6044e13b5dc448c55e2357c09f80417699197238", "v6.2.0"}
}
func setupPython() pinned {
	return pinned{"actions/setup-python", "a309ff8b426b58ec0e2a45f0f869d46889d02405", "v6.2.0"}
}
func uploadArtifact() pinned {
	return pinned{"actions/upload-artifact", "b7c566a772e6b6bfb58ed0dc250532a479d7789f", "v6.0.0"}
}
func login() pinned {
	return pinned{"docker/login-action", "c94ce9fb468520275223c153574b00df6fe4bcc9", "v3.7.0"}
}
func setupBuildx() pinned {
	return pinned{"docker/setup-buildx-action", "8d2750c68a42422c14e847fe6c8ac0403b4cbd6f", "v3.12.0"}
}
func setupQEMU() pinned {
	return pinned{"docker/setup-qemu-action", "c7c53464625b32c7a7e944ae62b3e17d2b600130", "v3.7.0"}
}
func metadata() pinned {
	return pinned{"docker/metadata-action", "c299e40c65443455700f0fdfc63efafe5b349051", "v5.10.0"}
}
func buildPush() pinned {
	return pinned{"docker/build-push-action", "10e90e3645eae34f1e60eeb005ba3a3d33f178e8", "v6.19.2"}
}
