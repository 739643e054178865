"""A local model, with nothing but the standard library: Ollama, vLLM, llama.cpp and their kin.

ollama pull qwen3
python examples/local_model.py                                            # Ollama's own address
ALTAR_LOCAL_URL=http://127.0.0.1:8000/v1 python examples/local_model.py   # vLLM
"""

import sys

from quickstart import add_numbers, get_weather

import altar
from altar.errors import ProviderError

if __name__ == "__main__":
    name = sys.argv[1] if len(sys.argv) > 1 else "qwen3"
    try:
        reply = altar.generate(
            "What is the weather in Tokyo and in Oslo?",
            model=f"local:{name}",
            tools=[get_weather, add_numbers],
        )
    except ProviderError as error:  # no server there, or no such model: it says what to type
        sys.exit(str(error))
    for record in reply.calls:
        print(record.call.name, record.call.args, "->", record.result.content)
    print(reply.text)
    print("answered by", reply.messages[-1].origin)
