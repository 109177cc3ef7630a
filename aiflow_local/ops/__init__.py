"""Operations on a deployed stack: health checks, token rotation, and the stored calls."""
