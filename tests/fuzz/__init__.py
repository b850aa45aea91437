"""Whatever is sent to it: the real program, in a process of its own, before a hundred thousand requests that mean it ill."""
