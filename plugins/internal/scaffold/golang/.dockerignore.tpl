.git
bin
helm
*.md
