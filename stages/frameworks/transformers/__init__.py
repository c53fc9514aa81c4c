"""What is known of Hugging Face transformers: folders of a configuration and safetensors, loaded by task."""
