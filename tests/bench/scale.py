"""x"""
from tests.bench.figures import Figure
from tests.bench.tools import Options
async def measure(options: Options) -> list[Figure]:
    return []
