package parts

import (
	"net/http"
	"net/url"
)

// A hubCall is a request on its way. What it needs has been looked up.
type hubCall struct {
	hub    *Hub
	op     string
	params map[string]string
	query  url.Values
	accept string
	body   []byte
	token  *hubToken // nil for a stranger
	repo   *hubRepo  // nil where none is named
	header http.Header
}

// A hubOperation is one of those in the description.
type hubOperation struct {
	// needs is what one has to be for the repository that is named. With signed one has to be somebody.
	needs  hubRole
	signed bool
	// shut operations are not for repositories that are archived, and full ones not for those without a commit.
	shut, full bool
	// hides tells that who may read, but not do this, is told that there is no such thing; others are told that they may not.
	hides bool
	do    func(*hubCall) (hubAnswer, error)
}

// hubOperations are all there are, named as in the description.
func hubOperations() map[string]hubOperation {
	read := func(do func(*hubCall) (hubAnswer, error)) hubOperation { return hubOperation{needs: reader, do: do} }
	readGit := func(do func(*hubCall) (hubAnswer, error)) hubOperation {
		return hubOperation{needs: reader, full: true, do: do}
	}
	write := func(do func(*hubCall) (hubAnswer, error)) hubOperation {
		return hubOperation{needs: writer, signed: true, shut: true, hides: true, do: do}
	}
	writeGit := func(do func(*hubCall) (hubAnswer, error)) hubOperation {
		return hubOperation{needs: writer, signed: true, shut: true, full: true, hides: true, do: do}
	}
	secret := func(shut bool, do func(*hubCall) (hubAnswer, error)) hubOperation {
		return hubOperation{needs: writer, signed: true, shut: shut, do: do}
	}
	return map[string]hubOperation{
		"actions/create-or-update-repo-secret": secret(true, (*hubCall).putSecret),
		"actions/delete-repo-secret":           secret(true, (*hubCall).deleteSecret),
		"actions/get-repo-public-key":          secret(false, (*hubCall).publicKey),
		"actions/list-repo-secrets":            secret(false, (*hubCall).listSecrets),
		"git/create-blob":                      writeGit((*hubCall).createBlob),
		"git/create-commit":                    writeGit((*hubCall).createCommit),
		"git/create-ref":                       writeGit((*hubCall).createRef),
		"git/create-tree":                      writeGit((*hubCall).createTree),
		"git/delete-ref":                       writeGit((*hubCall).deleteRef),
		"git/get-blob":                         readGit((*hubCall).getBlob),
		"git/get-commit":                       readGit((*hubCall).getCommit),
		"git/get-ref":                          readGit((*hubCall).getRef),
		"git/get-tree":                         readGit((*hubCall).getTree),
		"git/update-ref":                       writeGit((*hubCall).updateRef),
		"orgs/get":                             {do: (*hubCall).getOrg},
		"pulls/create":                         write((*hubCall).createPull),
		"pulls/get":                            read((*hubCall).getPull),
		"pulls/list":                           read((*hubCall).listPulls),
		"pulls/merge":                          write((*hubCall).mergePull),
		"pulls/update":                         write((*hubCall).updatePull),
		"rate-limit/get":                       {do: (*hubCall).rateLimit},
		"repos/create-for-authenticated-user":  {signed: true, do: (*hubCall).createRepo},
		"repos/create-in-org":                  {signed: true, do: (*hubCall).createRepo},
		"repos/create-or-update-file-contents": write((*hubCall).putContent),
		"repos/delete":                         {needs: keeper, signed: true, do: (*hubCall).deleteRepo},
		"repos/get":                            read((*hubCall).getRepo),
		"repos/get-branch":                     read((*hubCall).getBranch),
		"repos/get-content":                    read((*hubCall).getContent),
		"repos/list-branches":                  read((*hubCall).listBranches),
		"repos/update":                         {needs: keeper, signed: true, do: (*hubCall).updateRepo},
		"users/get-authenticated":              {signed: true, do: (*hubCall).getUser},
		"users/get-by-username":                {do: (*hubCall).getAccount},
	}
}
