"""Write-only views of a study."""
