.git/
*.orig
*.swp
