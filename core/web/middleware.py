def ErrorPagesMiddleware(g):
    return g
