#compdef dtm
# zsh completion for dtm: source <(dtm completion zsh)
_dtm() {
	local -a offers
	local word help
	while IFS=$'\t' read -r word help; do
		offers+=("${word//:/\\:}:${help}")
	done < <(dtm __complete -- "${(@)words[2,CURRENT]}" 2>/dev/null)
	if (( ${#offers} )); then
		_describe dtm offers
	else
		_files
	fi
}
compdef _dtm dtm
